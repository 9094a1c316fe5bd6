/**
 * Which entries of a paging domain devices wrote. A dirty bit belongs to a page-table entry: what is in one entry is dirty as
 * a whole. How large the entries are follows from the mapping: the domain's smallest pages, or larger ones within a huge page
 * of memory, where addresses allow and the address space has large pages.
 */
import { addressOfPage, offsetInPage, PAGE_SHIFT, pageOf } from '../../abi/address.js';
import type { DirtySink } from '../../iommu/domain.js';
import type { Area } from '../../iopt/area.js';
import type { IoPageTable } from '../../iopt/io-page-table.js';

/** Granule of the log as a power of two, bytes: the smallest page of any domain. */
const SHIFT = 11n;

/** One page-table entry. */
interface Entry {
  readonly start: bigint;
  readonly last: bigint;
}

export class DirtyLog implements DirtySink {
  readonly #table: IoPageTable;
  readonly #sizes: bigint;
  /** First granules of dirty entries. */
  readonly #dirty = new Set<number>();

  /** @param sizes bitmap of the domain's page sizes */
  constructor(table: IoPageTable, sizes: bigint) {
    this.#table = table;
    this.#sizes = sizes;
  }

  /** A device wrote the pages of the CPU [first, first+count). */
  mark(first: number, count: number): void {
    this.markRange(addressOfPage(first), addressOfPage(first + count) - 1n);
  }

  /** A device wrote to [iova, last]. What is not mapped stays clean. */
  markRange(iova: bigint, last: bigint): void {
    for (let at = iova; at <= last; ) {
      const entry = this.#entry(at);
      if (!entry) break;
      this.#dirty.add(Number(entry.start >> SHIFT));
      at = entry.last + 1n;
    }
  }

  /** Forgets what is in [start, last]. */
  forget(start: bigint, last: bigint): void {
    if (this.#dirty.size === 0) return;
    const [from, to] = [Number(start >> SHIFT), Number(last >> SHIFT)];
    if (to - from < this.#dirty.size) for (let at = from; at <= to; at++) this.#dirty.delete(at);
    else for (const at of this.#dirty) if (at >= from && at <= to) this.#dirty.delete(at);
  }

  /** Forgets everything. */
  clear(): void {
    this.#dirty.clear();
  }

  /** Calls back with the dirty part of [start, last], entry by entry, in no order; clears what it told of. */
  read(start: bigint, last: bigint, clear: boolean, visit: (start: bigint, last: bigint) => void): void {
    for (const granule of [...this.#dirty]) {
      const at = BigInt(granule) << SHIFT;
      if (at > last) continue;
      const entry = this.#entry(at);
      if (!entry || entry.last < start) continue;
      visit(entry.start > start ? entry.start : start, entry.last < last ? entry.last : last);
      if (clear) this.#dirty.delete(granule);
    }
  }

  /** The entry that translates an address. */
  #entry(iova: bigint): Entry | undefined {
    const area = this.#table.areas.at(iova);
    if (!area) return undefined;
    let size = this.#sizes & -this.#sizes;
    for (let next = size; next <= this.#largest(area, iova); next <<= 1n) {
      if ((this.#sizes & next) !== 0n && fits(area, iova, next)) size = next;
    }
    const start = iova & ~(size - 1n);
    return { start, last: start + size - 1n };
  }

  /** Memory behind a large entry is contiguous: it lies within one huge page. */
  #largest(area: Area, iova: bigint): bigint {
    const segment = this.#table.largePages ? area.pages.segment(area.pageOf(iova)) : undefined;
    return segment && segment.pageShift > PAGE_SHIFT ? 1n << BigInt(segment.pageShift) : this.#sizes & -this.#sizes;
  }
}

/** The aligned block of a size around an address lies in the area, and memory is aligned alike. */
function fits(area: Area, iova: bigint, size: bigint): boolean {
  const start = iova & ~(size - 1n);
  if (start < area.start || start + size - 1n > area.last) return false;
  const byte = area.byteOf(start);
  const segment = area.pages.segment(pageOf(byte));
  const memory = segment
    ? addressOfPage(segment.frame + pageOf(byte) - segment.first) + BigInt(offsetInPage(byte))
    : byte;
  return (memory & (size - 1n)) === 0n;
}
