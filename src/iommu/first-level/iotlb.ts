/**
 * The IOTLB: translations that the hardware remembers from a walk (Intel VT-d specification, 6.2). One for each
 * requester; entries are tagged with the PASID, so that what a requester makes us hold does not grow with its PASIDs.
 * Direct-mapped, one array for each leaf size. What is not present is never kept.
 *
 * Beside it the paging-structure cache of the lowest tables (6.2.6): where the table of 512 pages is. What invalidates
 * translations invalidates it too, so a program that moves a table has to invalidate as it has to with hardware.
 */

/** Entries of each size; powers of two. */
const ENTRIES = [4096, 512, 64] as const;
/** Pages of a leaf, as a power of two: 4K, 2M, 1G. */
const LEAF_SHIFT = [0, 9, 18] as const;
export const LEVELS = [0, 1, 2] as const;
/** Lowest tables that are remembered, and the pages that one is for, as a power of two. */
const TABLES = 1024;
const TABLE_SHIFT = 9;
/** Spreads the PASIDs over the entries: neighbours of one and of the next do not meet. */
const PASID_STEP = 811;

export const WRITABLE = 1;
/** The leaf's dirty bit was set when it was walked: a write needs no new walk. */
export const DIRTY = 2;

class Level {
  readonly entries: number;
  readonly leafSize: number;
  readonly tags: Float64Array;
  readonly pasids: Uint32Array;
  readonly targets: Float64Array;
  readonly flags: Uint8Array;

  constructor(entries: number, shift: number) {
    this.entries = entries;
    this.leafSize = 2 ** shift;
    this.tags = new Float64Array(this.entries).fill(-1);
    this.pasids = new Uint32Array(this.entries);
    this.targets = new Float64Array(this.entries);
    this.flags = new Uint8Array(this.entries);
  }

  /** The entry that holds a page, or -1. */
  find(page: number, pasid: number): number {
    const leaf = Math.floor(page / this.leafSize);
    const slot = this.#slot(leaf, pasid);
    return this.tags[slot] === leaf && this.pasids[slot] === pasid ? slot : -1;
  }

  put(page: number, pasid: number, target: number, flags: number): void {
    const leaf = Math.floor(page / this.leafSize);
    const slot = this.#slot(leaf, pasid);
    this.tags[slot] = leaf;
    this.pasids[slot] = pasid;
    this.targets[slot] = target;
    this.flags[slot] = flags;
  }

  #slot(leaf: number, pasid: number): number {
    return (leaf + pasid * PASID_STEP) % this.entries;
  }
}

export class Iotlb {
  /** Target of the last hit: page-frame number behind the first level, pages to the leaf's end, flags. */
  page = 0;
  pages = 0;
  flags = 0;
  readonly #levels = LEVELS.map((level) => new Level(ENTRIES[level], LEAF_SHIFT[level]));
  readonly #tables = new Level(TABLES, TABLE_SHIFT);

  /** Looks a page up. Returns false if it is not remembered. @param pasid 0 for requests without one */
  find(page: number, pasid: number): boolean {
    for (const level of this.#levels) {
      const slot = level.find(page, pasid);
      if (slot < 0) continue;
      const offset = page % level.leafSize;
      this.page = (level.targets[slot] as number) + offset;
      this.pages = level.leafSize - offset;
      this.flags = level.flags[slot] as number;
      return true;
    }
    return false;
  }

  /** Looks up the lowest table that a page is in: `page` is where it is, `flags` WRITABLE if all above it are. */
  findTable(page: number, pasid: number): boolean {
    const slot = this.#tables.find(page, pasid);
    if (slot < 0) return false;
    this.page = this.#tables.targets[slot] as number;
    this.flags = this.#tables.flags[slot] as number;
    return true;
  }

  /** Remembers the lowest table that a page is in. */
  insertTable(page: number, pasid: number, table: number, flags: number): void {
    this.#tables.put(page, pasid, table, flags);
  }

  /** Remembers a leaf. @param size 0 for 4K, 1 for 2M, 2 for 1G; @param target first page behind the leaf */
  insert(page: number, pasid: number, size: 0 | 1 | 2, target: number, flags: number): void {
    (this.#levels[size] as Level).put(page, pasid, target, flags);
  }

  /**
   * Forgets every leaf, and every table, that touches the pages [first, last].
   * @param pasid undefined: of every PASID
   */
  invalidate(pasid: number | undefined, first = 0, last = Number.POSITIVE_INFINITY): void {
    for (const { tags, pasids, leafSize } of [...this.#levels, this.#tables]) {
      const from = Math.floor(first / leafSize);
      const to = Math.floor(last / leafSize);
      for (let slot = 0; slot < tags.length; slot++) {
        const leaf = tags[slot] as number;
        if (leaf >= from && leaf <= to && (pasid === undefined || pasids[slot] === pasid)) tags[slot] = -1;
      }
    }
  }
}
