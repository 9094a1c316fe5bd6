/**
 * An I/O address space without its hardware (Linux: struct io_pagetable): areas, reserved and allowed ranges, and what
 * the domains and in-kernel accesses that use it ask of its alignment (linux-iommufd.md, 4). A fresh one spans all 64 bits,
 * exact to the byte. What a domain translates is read from the areas here: there is no second copy to keep in step.
 */
import { hex, larger, PAGE_SIZE, U64_MAX } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { allocation } from '../memory/allocation.js';
import type { CpuCaches } from '../memory/cpu-caches.js';
import { RangeTree } from '../memory/intervals/range-tree.js';
import type { Area } from './area.js';
import { FollowedAreas } from './followed-areas.js';
import { joined, type Range, ReservedRanges } from './ranges.js';

const PAGE = BigInt(PAGE_SIZE);

/** A domain that translates through the table. */
export interface TableDomain {
  /** Bitmap of page sizes, bytes. */
  readonly pageSizes: bigint;
  /** What it can translate. */
  readonly aperture: Range;
  /** [start, last] is no longer mapped: nothing is known of it any more. */
  forget(start: bigint, last: bigint): void;
}

/** An in-kernel user of the table's memory. */
export interface TableAccess {
  /** What it asks of the alignment: a page if it pins, 1 if it only copies. */
  readonly alignment: bigint;
  /** [iova, iova+length) is about to be unmapped: pins of it are to be dropped before this returns. */
  readonly unmap?: ((iova: bigint, length: bigint) => void) | undefined;
}

const EVERYWHERE: readonly Range[] = [{ start: PAGE, last: U64_MAX - PAGE }];

export class IoPageTable {
  readonly areas = new RangeTree<Area>();
  readonly reserved = new ReservedRanges();
  /** Undefined: no list was given. */
  #allowed: RangeTree<Range> | undefined;
  /** Where an address may be chosen: disjoint ranges in rising order. */
  choosable: readonly Range[] = EVERYWHERE;
  readonly #domains: TableDomain[] = [];
  /** What devices reach past the caches. */
  readonly followed = new FollowedAreas();
  readonly #accesses = new Set<TableAccess>();
  #alignment = 1n;
  #largePages = true;
  /** Changes with every removal: what was learnt of free places is void then. */
  generation = 0;

  /** A power of two, 1 to a page: starts and lengths of areas are multiples of it. */
  get alignment(): bigint {
    return this.#alignment;
  }

  get largePages(): boolean {
    return this.#largePages;
  }

  get domains(): readonly TableDomain[] {
    return this.#domains;
  }

  get accesses(): Iterable<TableAccess> {
    return this.#accesses;
  }

  /**
   * Reserves [start, last].
   * @throws EADDRINUSE an area or an allowed range touches it
   */
  reserve(start: bigint, last: bigint, owner: object | undefined): void {
    const area = this.areas.touching(start, last);
    if (area) throw new Errno('EADDRINUSE', `${hex(start)}-${hex(last)} touches the mapping at ${hex(area.start)}`);
    const allowed = this.#allowed?.touching(start, last);
    if (allowed) throw new Errno('EADDRINUSE', `${hex(start)}-${hex(last)} touches the allowed ${hex(allowed.start)}`);
    allocation('a reserved range');
    this.generation++;
    this.reserved.add(start, last, owner);
  }

  /** What an owner reserved is free again. */
  unreserve(owner: object): void {
    this.generation++;
    this.reserved.remove(owner);
  }

  /**
   * Replaces the list of allowed ranges; an empty one allows everything but the first and the last page.
   * @throws EADDRINUSE a range touches a reserved one; the old list stays
   */
  allow(ranges: RangeTree<Range>): void {
    for (const range of ranges) {
      const reserved = this.reserved.touching(range);
      if (reserved) {
        throw new Errno(
          'EADDRINUSE',
          `${hex(range.start)}-${hex(range.last)} touches the reserved ${hex(reserved.start)}`,
        );
      }
    }
    this.generation++;
    this.#allowed = ranges.count > 0 ? ranges : undefined;
    this.choosable = this.#allowed ? joined(ranges) : EVERYWHERE;
  }

  /**
   * Puts a domain to use: it translates all areas from now on, and their pages are pinned.
   * @throws EINVAL its smallest page is above the CPU's; EADDRINUSE an area does not fit its pages or its aperture; EFAULT,
   *   EINVAL, ENOMEM pages cannot be pinned
   */
  addDomain(domain: TableDomain): void {
    const smallest = domain.pageSizes & -domain.pageSizes;
    const alignment = larger(smallest, this.#alignment);
    if (alignment > PAGE)
      throw new Errno('EINVAL', `the smallest page of the domain is ${hex(smallest)}, above ${hex(PAGE)}`);
    if (alignment > this.#alignment) this.#checkAlignment(alignment);
    const { start, last } = domain.aperture;
    try {
      if (start !== 0n) this.reserve(0n, start - 1n, domain);
      if (last !== U64_MAX) this.reserve(last + 1n, U64_MAX, domain);
      if (this.#domains.length === 0) {
        this.#holdAll();
        for (const area of this.areas) this.followed.add(area);
      }
    } catch (error) {
      this.unreserve(domain);
      throw error;
    }
    this.#alignment = alignment;
    this.#domains.push(domain);
  }

  /** A domain is no longer used; with the last one the pins go. */
  removeDomain(domain: TableDomain): void {
    const index = this.#domains.indexOf(domain);
    if (index < 0) throw new Error('the domain is not in the table');
    this.#domains.splice(index, 1);
    if (this.#domains.length === 0) for (const area of this.areas) this.#drop(area);
    this.unreserve(domain);
    this.#alignment = this.#wantedAlignment();
  }

  /** @throws EADDRINUSE an area is not aligned as the access needs it */
  addAccess(access: TableAccess): void {
    this.#accesses.add(access);
    try {
      this.#align();
    } catch (error) {
      this.#accesses.delete(access);
      throw error;
    }
  }

  removeAccess(access: TableAccess): void {
    this.#accesses.delete(access);
    this.#alignment = this.#wantedAlignment();
  }

  /**
   * Pages of domains may be large (the default), or not: then areas can be split.
   * @throws EINVAL a domain may hold large pages already; EADDRINUSE areas are not aligned to pages
   */
  setLargePages(wanted: boolean): void {
    if (wanted === this.#largePages) return;
    if (!wanted && this.#domains.length > 0 && this.areas.count > 0) {
      throw new Errno('EINVAL', 'a domain may have mapped large pages already');
    }
    this.#largePages = wanted;
    try {
      this.#align();
    } catch (error) {
      this.#largePages = !wanted;
      throw error;
    }
  }

  /** An area goes: its domains forget it, and its pins are dropped. */
  detach(area: Area): void {
    if (this.#domains.length > 0) this.#drop(area);
    for (const domain of this.#domains) domain.forget(area.start, area.last);
    this.generation++;
    this.areas.remove(area);
    area.pages.put();
  }

  /** A device that can pass by the caches is routed to a domain of the table (1), or no longer (-1). */
  follow(caches: CpuCaches, change: 1 | -1): void {
    this.followed.follow(caches, change, this.#domains.length > 0 ? this.areas : []);
  }

  /** Lets the pages of an area go. */
  #drop(area: Area): void {
    this.followed.remove(area);
    area.pages.drop(area.firstPage, area.lastPage);
  }

  /** Pins the pages of an area for domains. @throws EINVAL no domain maps what may be neither read nor written; EFAULT … */
  hold(area: Area): void {
    area.pages.hold(area.firstPage, area.lastPage);
    if (area.access !== 0) return;
    area.pages.drop(area.firstPage, area.lastPage);
    throw new Errno('EINVAL', `a mapping at ${hex(area.start)} that may be neither read nor written`);
  }

  #holdAll(): void {
    const held: Area[] = [];
    try {
      for (const area of this.areas) {
        this.hold(area);
        held.push(area);
      }
    } catch (error) {
      for (const area of held) area.pages.drop(area.firstPage, area.lastPage);
      throw error;
    }
  }

  #align(): void {
    const alignment = this.#wantedAlignment();
    if (alignment > this.#alignment) this.#checkAlignment(alignment);
    this.#alignment = alignment;
  }

  #wantedAlignment(): bigint {
    let alignment = this.#largePages ? 1n : PAGE;
    for (const { pageSizes } of this.#domains) {
      const smallest = pageSizes & -pageSizes;
      if (smallest > alignment) alignment = smallest;
    }
    for (const access of this.#accesses) if (access.alignment > alignment) alignment = access.alignment;
    return alignment;
  }

  /** @throws EADDRINUSE */
  #checkAlignment(alignment: bigint): void {
    for (const area of this.areas) {
      if (area.isAligned(alignment)) continue;
      throw new Errno(
        'EADDRINUSE',
        `the mapping at ${hex(area.start)}, ${hex(area.length)} bytes, is not aligned to ${alignment}`,
      );
    }
  }
}
