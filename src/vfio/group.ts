/**
 * What VFIO keeps of an IOMMU group (Linux: struct vfio_group): its devices that are under a VFIO driver, and whether it is
 * in use through its own file or through the files of its devices. The two exclude each other.
 */

import { Errno } from '../abi/errno.js';
import type { IommuGroup } from '../iommu/requester.js';

/** @typeParam D a device under a VFIO driver */
export class VfioGroup<D> {
  readonly iommu: IommuGroup;
  readonly devices = new Set<D>();
  /** /dev/vfio/N is open. */
  #open = false;
  /** Devices that are bound through their own files. */
  #bound = 0;

  constructor(iommu: IommuGroup) {
    this.iommu = iommu;
  }

  get open(): boolean {
    return this.#open;
  }

  /** open(2) of /dev/vfio/N. @throws ENODEV no device is left in it; EBUSY it is open, or a device of it is bound */
  take(): void {
    const { id } = this.iommu;
    if (this.devices.size === 0) throw new Errno('ENODEV', `group ${id} has no device under a VFIO driver`);
    if (this.#bound > 0)
      throw new Errno('EBUSY', `${this.#bound} devices of group ${id} are bound through their own files`);
    if (this.#open) throw new Errno('EBUSY', `/dev/vfio/${id} is open already`);
    this.#open = true;
  }

  /** The last close of /dev/vfio/N. */
  give(): void {
    this.#open = false;
  }

  /** @throws EBUSY the group is open: its devices are not bound through their own files */
  checkClosed(): void {
    if (this.#open) throw new Errno('EBUSY', `/dev/vfio/${this.iommu.id} is open: its devices are used through it`);
  }

  /** A device of the group is bound through its own file. */
  bindDevice(): void {
    this.#bound++;
  }

  unbindDevice(): void {
    this.#bound--;
  }
}
