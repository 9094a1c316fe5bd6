/**
 * A container, an open /dev/vfio/vfio (linux-vfio.md, 1 and 3): groups that share one IOMMU driver. Groups hold it; its
 * driver goes with the last of them, though the file may stay open.
 */

import { Errno } from '../abi/errno.js';
import { VFIO_EXTENSION } from '../abi/vfio-container.js';
import { attach, claim, detach, release } from '../iommu/attach.js';
import type { Domain } from '../iommu/domain.js';
import type { IommuGroup } from '../iommu/requester.js';
import { Type1 } from './type1/type1.js';

/** What the parameters of VFIO's modules say now. */
export interface ContainerParameters {
  /** Most mappings of a container that gets its driver now. */
  readonly dmaEntryLimit: () => number;
  /** Groups without an IOMMU may be used. */
  readonly unsafeNoIommu: () => boolean;
}

export class Container {
  readonly #parameters: ContainerParameters;
  /** The groups in it, the newest first. */
  readonly #groups: IommuGroup[] = [];
  #type1: Type1 | undefined;
  /** Where the requests of each group go. */
  readonly #domains = new Map<IommuGroup, Domain>();

  constructor(parameters: ContainerParameters) {
    this.#parameters = parameters;
  }

  /** The IOMMU driver. @throws EINVAL none was chosen */
  get type1(): Type1 {
    if (!this.#type1) throw new Errno('EINVAL', 'the container has no IOMMU driver: SET_IOMMU chooses one');
    return this.#type1;
  }

  /** An IOMMU driver was chosen. */
  get hasDriver(): boolean {
    return this.#type1 !== undefined;
  }

  get groups(): readonly IommuGroup[] {
    return this.#groups;
  }

  /** VFIO_CHECK_EXTENSION: any number may be asked; 0 is "no". */
  extension(number: bigint): number {
    switch (Number(BigInt.asUintN(53, number))) {
      case VFIO_EXTENSION.TYPE1_IOMMU:
      case VFIO_EXTENSION.TYPE1v2_IOMMU:
      case VFIO_EXTENSION.UNMAP_ALL:
        return 1;
      case VFIO_EXTENSION.DMA_CC_IOMMU:
        return this.#type1?.enforcesSnoop ? 1 : 0;
      case VFIO_EXTENSION.NOIOMMU_IOMMU:
        // Not beside groups that have an IOMMU, and this machine has no others.
        return this.#groups.length === 0 && this.#parameters.unsafeNoIommu() ? 1 : 0;
      case VFIO_EXTENSION.UPDATE_VADDR:
        return this.#type1 ? 1 : 0;
      default:
        return 0;
    }
  }

  /**
   * VFIO_SET_IOMMU: chooses the driver, and attaches all groups to it.
   * @throws EINVAL no group, or a driver is set; ENODEV no such driver; what attaching says, and nothing is changed then
   */
  setIommu(type: bigint): void {
    if (this.#groups.length === 0) throw new Errno('EINVAL', 'the container has no group');
    if (this.#type1) throw new Errno('EINVAL', 'the container has an IOMMU driver already');
    const { TYPE1_IOMMU, TYPE1v2_IOMMU, UNMAP_ALL } = VFIO_EXTENSION;
    // The driver claims this number as an extension, and then cannot be opened with it.
    if (type === BigInt(UNMAP_ALL)) throw new Errno('EINVAL', `${type} is an extension, not an IOMMU type`);
    if (type !== BigInt(TYPE1_IOMMU) && type !== BigInt(TYPE1v2_IOMMU)) {
      throw new Errno('ENODEV', `no IOMMU driver has type ${type}; there are 1 and 3`);
    }
    const type1 = new Type1(type === BigInt(TYPE1v2_IOMMU), this.#parameters.dmaEntryLimit());
    const done: IommuGroup[] = [];
    try {
      for (const group of this.#groups) {
        this.#attach(type1, group);
        done.push(group);
      }
    } catch (error) {
      for (const group of done) this.#detach(type1, group);
      throw error;
    }
    this.#type1 = type1;
  }

  /**
   * A group joins: it owns the group's DMA from now on.
   * @throws EPERM, EBUSY the DMA is another's; what attaching says
   */
  join(group: IommuGroup): void {
    claim(group, this, (changed) => this.#routeAgain(changed));
    try {
      if (this.#type1) this.#attach(this.#type1, group);
    } catch (error) {
      release(group, this);
      throw error;
    }
    this.#groups.unshift(group);
  }

  /** A group leaves: it goes back to the host; with the last one the driver and all mappings go. */
  leave(group: IommuGroup): void {
    this.#groups.splice(this.#groups.indexOf(group), 1);
    if (this.#type1) this.#detach(this.#type1, group);
    release(group, this);
    if (this.#groups.length > 0) return;
    this.#type1?.release();
    this.#type1 = undefined;
  }

  #attach(type1: Type1, group: IommuGroup): void {
    const [member] = group.members;
    if (!member) throw new Errno('ENODEV', `group ${group.id} has no device`);
    const domain = type1.attach(group, member.unit);
    try {
      attach(group, undefined, { domain });
    } catch (error) {
      type1.detach(group);
      throw error;
    }
    this.#domains.set(group, domain);
  }

  /** A function came to a group: its requests go where those of the others go. */
  #routeAgain(group: IommuGroup): void {
    const domain = this.#domains.get(group);
    if (!domain) return;
    for (const member of group.members) if (!member.route) attach(member, undefined, { domain });
  }

  #detach(type1: Type1, group: IommuGroup): void {
    this.#domains.delete(group);
    detach(group, undefined);
    type1.detach(group);
  }
}
