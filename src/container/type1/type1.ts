/**
 * The type1 IOMMU of a container (linux-vfio.md, 4; Linux: vfio_iommu_type1.c): groups that share mappings of their users'
 * memory. Each mapping is one MAP_DMA; its pages are pinned and charged while it lasts.
 */
import { addressOfPage, hex, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { DmaFault, DmaSource, Domain, Hit } from '../../iommu/domain.js';
import { PagingDomain } from '../../iommu/paging/paging-domain.js';
import type { IommuGroup } from '../../iommu/requester.js';
import { type IommuUnit, type IovaRange, inside } from '../../iommu/unit.js';
import type { Backing } from '../../memory/backing.js';
import type { CpuCaches } from '../../memory/cpu-caches.js';
import { atLeastPages, usableRanges } from './iova-ranges.js';
import { Mappings } from './mappings.js';
import { forget } from './pages.js';

/** Where a group's requests go: all groups see the same mappings, and differ in whether snooping is forced. */
class Type1Domain implements Domain {
  readonly enforceSnoop: boolean;
  readonly #io: PagingDomain<Backing>;

  constructor(io: PagingDomain<Backing>, enforceSnoop: boolean) {
    this.#io = io;
    this.enforceSnoop = enforceSnoop;
  }

  translate(page: number, write: boolean, hit: Hit, who: DmaSource): DmaFault {
    return this.#io.translate(page, write, hit, who);
  }

  follow(caches: CpuCaches, change: 1 | -1): void {
    this.#io.follow(caches, change);
  }
}

export class Type1 {
  /** VFIO_TYPE1v2_IOMMU: an unmap that would cut a mapping fails. */
  readonly v2: boolean;
  readonly mappings = new Mappings();
  readonly io = new PagingDomain<Backing>();
  /** Mappings that can still be made. */
  available: number;
  /** Mappings whose user address was taken away. */
  invalid = 0;
  dirtyTracking = false;
  readonly #units = new Map<IommuGroup, IommuUnit>();
  #ranges: IovaRange[] = usableRanges([]);

  /** @param limit most mappings */
  constructor(v2: boolean, limit: number) {
    this.v2 = v2;
    this.available = limit;
  }

  /** Where it may map: inclusive ranges in rising order. */
  get ranges(): readonly IovaRange[] {
    return this.#ranges;
  }

  /** Bitmap of the page sizes that all groups' units have, none below the CPU's page. */
  get pageSizes(): bigint {
    let sizes = U64_MAX;
    for (const unit of this.#units.values()) sizes &= unit.pageSizes;
    return atLeastPages(sizes);
  }

  /** Bytes of the smallest page. */
  get pageSize(): bigint {
    return this.pageSizes & -this.pageSizes;
  }

  /** VFIO_DMA_CC_IOMMU: every group's requests are snooped, whatever the device asks. */
  get enforcesSnoop(): boolean {
    return [...this.#units.values()].every((unit) => unit.enforcesSnoop);
  }

  /**
   * Takes a group in (4.6); the caller routes its requests to the domain.
   * @throws EBUSY a user address is missing; EINVAL it is in already, or the addresses that it permits do not fit
   */
  attach(group: IommuGroup, unit: IommuUnit): Domain {
    if (this.invalid > 0) throw new Errno('EBUSY', `${this.invalid} mappings have no user address now`);
    if (this.#units.has(group)) throw new Errno('EINVAL', `group ${group.id} is in the container already`);
    const ranges = usableRanges([...this.#units.values(), unit]);
    if (ranges.length === 0) throw new Errno('EINVAL', `no address is permitted for group ${group.id} and the others`);
    for (const { first, pages } of this.mappings) {
      const [start, last] = [addressOfPage(first), addressOfPage(first + pages) - 1n];
      if (!inside(ranges, start, last)) {
        throw new Errno('EINVAL', `the mapping ${hex(start)}-${hex(last)} is not permitted for group ${group.id}`);
      }
    }
    this.#units.set(group, unit);
    this.#ranges = ranges;
    return new Type1Domain(this.io, unit.enforcesSnoop);
  }

  /** Lets a group go; with the last one all mappings go. */
  detach(group: IommuGroup): void {
    this.#units.delete(group);
    this.#ranges = usableRanges(this.#units.values());
    if (this.#units.size === 0) this.release();
  }

  /** Unmaps and unpins everything. */
  release(): void {
    const all = [...this.mappings];
    for (const mapping of all) forget(this, mapping);
    this.mappings.remove(all);
    this.available += all.length;
    this.invalid = 0;
  }
}
