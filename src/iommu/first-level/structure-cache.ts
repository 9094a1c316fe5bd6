/**
 * Paging-structure caches (Intel VT-d specification, 6.2.5; SDM volume 3, 4.10.3): where the tables of a page are, a cache
 * for each level, so that a walk begins at the lowest table that is known. What invalidates translations invalidates
 * them too: who moves a table, or takes a right from an entry above it, has to invalidate as with hardware.
 *
 * Of lowest tables that are walked again and again the entries are kept, too, as hardware may prefetch translations. What
 * may be remembered of them is what an IOTLB may hold: entries that are present and marked as accessed. Whatever else
 * is there is not used, and read again when it is asked for. Entries are kept while the memory behind the table's
 * address is the same (Domain.changes): taking a mapping away is an invalidation by the kernel.
 */
import { PAGE_SIZE } from '../../abi/address.js';
import type { DmaTarget } from '../../memory/dma-target.js';
import { Tagged } from './tagged.js';

/** Tables that are remembered, by depth, the lowest first. */
const TABLES = [1024, 256, 64, 16] as const;
/** Pages that a table of each depth is for, as a power of two. */
const TABLE_SHIFT = [9, 18, 27, 36] as const;
/** Pages that a lowest table is for. */
const LOWEST_PAGES = 512;
/** Lowest tables whose entries are kept: 4 KiB each. */
const KEPT = 256;

/** Reads the 4096 bytes of a table. Returns the memory that it is in; undefined: it cannot be read. */
type ReadTable = (table: number, into: Uint8Array) => DmaTarget | undefined;

/** The entries of a lowest table, as they were when it was read. */
class Entries {
  readonly bytes = new Uint8Array(PAGE_SIZE);
  /** Halves of each entry, the low one first. */
  readonly words = new Int32Array(this.bytes.buffer);
  /** Number of the range of 512 pages that the table is for, and their PASID; -1: nothing was read. */
  range = -1;
  pasid = 0;
  /** Page-frame number of the table in the parent. */
  table = 0;
  target: DmaTarget | undefined;
  changes = 0;
}

export class StructureCache {
  /** What was found last: a table's page-frame number, and whether all entries above it are writable. */
  table = 0;
  writable = false;
  readonly #depths = TABLES.map((entries, depth) => new Tagged(entries, TABLE_SHIFT[depth] as number));
  readonly #entries: (Entries | undefined)[] = [];

  /** Finds the lowest table that is known for a page. Returns its depth, or -1. @param pasid 0 for requests without one */
  find(page: number, pasid: number): number {
    for (let depth = 0; depth < TABLES.length; depth++) {
      const tables = this.#depths[depth] as Tagged;
      const slot = tables.find(page, pasid);
      if (slot < 0) continue;
      this.table = tables.targets[slot] as number;
      this.writable = tables.flags[slot] === 1;
      return depth;
    }
    return -1;
  }

  /** Remembers the table of a depth that a page is in. @param depth below that of the root, which is never asked for */
  insert(page: number, pasid: number, depth: number, table: number, writable: boolean): void {
    this.#depths[depth]?.put(page, pasid, table, writable ? 1 : 0);
  }

  /**
   * The entries of the lowest table of a page, which was found last: those that are kept, or those that are read now.
   * @param changes of the parent
   * @returns undefined if they cannot be read
   */
  entries(page: number, pasid: number, changes: number, read: ReadTable): Int32Array | undefined {
    const range = Math.floor(page / LOWEST_PAGES);
    const index = range % KEPT;
    const known = this.#entries[index];
    if (known?.range === range && known.pasid === pasid && known.table === this.table && known.changes === changes)
      if (known.target?.alive) return known.words;
    const entries = known ?? new Entries();
    this.#entries[index] = entries;
    entries.target = read(this.table, entries.bytes);
    entries.range = entries.target ? range : -1;
    entries.pasid = pasid;
    entries.table = this.table;
    entries.changes = changes;
    return entries.target && entries.words;
  }

  /** Forgets every table that touches the pages [first, last], and what was in it. @param pasid undefined: of every PASID */
  invalidate(pasid: number | undefined, first = 0, last = Number.POSITIVE_INFINITY): void {
    for (const tables of this.#depths) tables.invalidate(pasid, first, last);
    const from = Math.floor(first / LOWEST_PAGES);
    const to = Math.floor(last / LOWEST_PAGES);
    for (const entries of this.#entries)
      if (entries && entries.range >= from && entries.range <= to && (pasid === undefined || entries.pasid === pasid))
        entries.range = -1;
  }
}
