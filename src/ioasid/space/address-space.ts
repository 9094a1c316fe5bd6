/**
 * One I/O address space, an IOASID (uapi-ioasid.md, 2.1 and 2.2): a number that becomes a domain when a device is
 * attached. The attachments live here; what follows from them (constraints, coherency, whether a group is only partly
 * attached) is computed again whenever one comes or goes.
 */
import { addressOfPage, hex, PAGE_SIZE } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { ALLOC } from '../../abi/ioasid/constants.js';
import type { DmaFault, DmaSource, Domain, Hit } from '../../iommu/domain.js';
import type { UserTable } from '../../iommu/first-level/user-table.js';
import { NestedDomain } from '../../iommu/paging/nested-domain.js';
import { PagingDomain } from '../../iommu/paging/paging-domain.js';
import type { Route } from '../../iommu/pasid-table.js';
import type { IommuGroup } from '../../iommu/requester.js';
import { type IommuUnit, inside } from '../../iommu/unit.js';
import type { CpuCaches } from '../../memory/cpu-caches.js';
import type { Mm } from '../../memory/mm.js';
import type { AttachedDevice, Attachment } from './attachment.js';
import { ACCOUNTING_ROOT, type Constraints, commonConstraints } from './constraints.js';
import type { Faults } from './faults.js';

export class AddressSpace implements Domain {
  readonly id: number;
  /** IOASID_ALLOC_* flags; a child has its parent's. */
  readonly flags: number;
  readonly parent: AddressSpace | undefined;
  readonly children = new Set<AddressSpace>();
  /** What was mapped: to process memory in a root, to the parent's addresses in a child. */
  readonly mappings: PagingDomain<Mm>;
  /** A table that the user bound; it takes the place of the mappings. */
  userTable: UserTable | undefined;
  /** Page requests wait here for the user's answers; undefined: there is no fault fd. */
  faults: Faults | undefined;
  /** Devices reach its memory past the caches; see followCaches(). */
  #followed = false;
  enforceSnoop = false;
  readonly attachments: Attachment[] = [];
  /** What its devices are routed to: the space as it is now, and the fault fd that it has now. */
  readonly route: Route = { domain: this, faults: { deliver: (group) => this.faults?.deliver(group) ?? false } };
  /** Undefined without a device. */
  constraints: Constraints | undefined;
  /** A group of which some, but not all, devices are attached. */
  partial: IommuGroup | undefined;

  constructor(id: number, flags: number, parent?: AddressSpace) {
    this.id = id;
    this.flags = flags;
    this.parent = parent;
    this.mappings = parent ? new NestedDomain(parent) : new PagingDomain();
    parent?.children.add(this);
    this.refresh();
  }

  get accountingRoot(): boolean {
    return (this.flags & ALLOC.IOASID_ALLOC_ACCOUNTING_ROOT) !== 0;
  }

  /** Number of parents above. */
  get depth(): number {
    return this.parent ? this.parent.depth + 1 : 0;
  }

  /** The address space that maps process memory for this one: itself, or the topmost parent. */
  get root(): AddressSpace {
    return this.parent?.root ?? this;
  }

  get wholePasidSpace(): boolean {
    return this.userTable?.options.pasidBits !== undefined;
  }

  /** See Domain.changes. What a user's table maps may change at any time. */
  get changes(): number | undefined {
    return this.userTable ? undefined : this.mappings.changes;
  }

  translate(page: number, write: boolean, hit: Hit, who: DmaSource, pasid = 0): DmaFault {
    return this.userTable
      ? this.userTable.translate(page, write, hit, who, pasid)
      : this.mappings.translate(page, write, hit, who);
  }

  /** A device can reach memory behind the caches' back: box 3 of the coherency matrix. */
  get nonCoherent(): boolean {
    return this.nonCoherentWithout(undefined);
  }

  /** The same, if one attachment were not there. */
  nonCoherentWithout(gone: Attachment | undefined): boolean {
    const left = gone ? this.attachments.filter((each) => each !== gone) : this.attachments;
    if (left.every((a) => !a.device.requester.capabilities.noSnoop || a.noSnoopUnused)) return false;
    return !this.#enforcesSnoop(left);
  }

  /** No-snoop requests are turned into snooped ones here. AUTO enforces if every IOMMU behind it can (section 4). */
  #enforcesSnoop(attachments: readonly Attachment[]): boolean {
    if ((this.flags & ALLOC.IOASID_ALLOC_ENFORCE_SNOOP) !== 0) return true;
    if ((this.flags & ALLOC.IOASID_ALLOC_NO_ENFORCE_SNOOP) !== 0 || attachments.length === 0) return false;
    return attachments.every((a) => a.device.requester.unit.enforcesSnoop);
  }

  /** The default attachment of a device, or the one with a PASID. */
  attachment(device: AttachedDevice, pasid: number | undefined): Attachment | undefined {
    return this.attachments.find((a) => a.device === device && a.pasid === pasid);
  }

  /**
   * The constraints, for a command that needs a device.
   * @throws ENODEV no device is attached; EBUSY a group is only partly attached
   */
  usable(): Constraints {
    if (!this.constraints) throw new Errno('ENODEV', `no device is attached to IOASID ${this.id}`);
    if (this.partial) {
      throw new Errno('EBUSY', `group ${this.partial.id} is only partly attached to IOASID ${this.id}`);
    }
    return this.constraints;
  }

  /**
   * Can a child be nested here? The devices of the nearest ancestor that has any decide; a number without a device, or
   * an accounting root, says nothing.
   * @throws EOPNOTSUPP an IOMMU supports no nesting; EINVAL it does not nest so deep
   */
  checkNesting(): void {
    let decides: AddressSpace | undefined = this;
    while (decides && decides.attachments.length === 0) decides = decides.parent;
    const constraints = decides?.constraints;
    if (!constraints) return;
    const levels = Math.max(constraints.hardwareNesting, constraints.softwareNesting);
    if (levels === 0) throw new Errno('EOPNOTSUPP', `an IOMMU behind IOASID ${this.id} supports no nesting`);
    if (this.depth + 1 > levels) {
      throw new Errno('EINVAL', `IOASID ${this.id} is nested ${this.depth} deep; its IOMMUs nest ${levels}`);
    }
  }

  /**
   * Can a device behind this unit join, with all that is mapped here?
   * @throws EINVAL
   */
  checkUnit(unit: IommuUnit): void {
    if ((this.flags & ALLOC.IOASID_ALLOC_ENFORCE_SNOOP) !== 0 && !unit.enforcesSnoop) {
      throw new Errno('EINVAL', `IOASID ${this.id} enforces snoop, and IOMMU ${unit.name} cannot`);
    }
    const nesting = Math.max(unit.hardwareNesting, unit.softwareNesting);
    if (this.depth > nesting) {
      throw new Errno('EINVAL', `IOASID ${this.id} is nested ${this.depth} deep; IOMMU ${unit.name} nests ${nesting}`);
    }
    if (this.userTable && unit.hardwareNesting === 0) {
      throw new Errno('EINVAL', `IOASID ${this.id} has a user's table, and IOMMU ${unit.name} has no hardware nesting`);
    }
    const units = [unit, ...this.attachments.map((a) => a.device.requester.unit)];
    const common = commonConstraints(units);
    if (!common?.pageSizes)
      throw new Errno('EINVAL', `IOMMU ${unit.name} has no page size in common with IOASID ${this.id}`);
    if (units.every((other) => other === unit) && this.constraints) return;
    const smallest = Number(common.pageSizes & -common.pageSizes) / PAGE_SIZE;
    const { map } = this.mappings;
    for (let more = map.seek(0); more; more = map.next()) {
      const first = addressOfPage(map.start);
      const last = addressOfPage(map.start + map.pages) - 1n;
      if (!inside(common.ranges, first, last) || map.start % smallest !== 0 || map.pages % smallest !== 0) {
        throw new Errno(
          'EINVAL',
          `IOMMU ${unit.name} cannot hold the mapping ${hex(first)}-${hex(last)} of IOASID ${this.id}`,
        );
      }
    }
  }

  /**
   * The cache model begins, or ends, to follow the pages of a root.
   * @param wanted a non-coherent device is attached to it, or to a child of it
   */
  followCaches(caches: CpuCaches, wanted: boolean): void {
    if (wanted !== this.#followed) this.mappings.follow(caches, wanted ? 1 : -1);
    this.#followed = wanted;
  }

  /** Computes what follows from the attachments. */
  refresh(): void {
    const units = this.attachments.map((a) => a.device.requester.unit);
    this.constraints = this.accountingRoot ? ACCOUNTING_ROOT : commonConstraints(units);
    this.enforceSnoop = this.#enforcesSnoop(this.attachments);
    this.partial = undefined;
    for (const { device, pasid } of this.attachments) {
      if (pasid === undefined && !device.mates().every((mate) => mate && this.attachment(mate, undefined))) {
        this.partial = device.requester.group;
      }
    }
  }
}
