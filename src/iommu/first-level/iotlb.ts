/**
 * The IOTLB: translations that the hardware remembers from a walk (Intel VT-d specification, 6.2). One for each
 * requester; entries are tagged with the PASID, so that what a requester makes us hold does not grow with its PASIDs.
 * Direct-mapped, one array for each leaf size. What is not present is never kept.
 */
import { Tagged } from './tagged.js';

/** Entries of each size; powers of two. */
const ENTRIES = [4096, 512, 64] as const;
/** Pages of a leaf, as a power of two: 4K, 2M, 1G. */
const LEAF_SHIFT = [0, 9, 18] as const;
const LEVELS = [0, 1, 2] as const;

export const WRITABLE = 1;
/** The leaf's dirty bit was set when it was walked: a write needs no new walk. */
export const DIRTY = 2;

export class Iotlb {
  /** Target of the last hit: page-frame number behind the first level, pages to the leaf's end, flags. */
  page = 0;
  pages = 0;
  flags = 0;
  readonly #levels = LEVELS.map((level) => new Tagged(ENTRIES[level], LEAF_SHIFT[level]));

  /** Looks a page up. Returns false if it is not remembered. @param pasid 0 for requests without one */
  find(page: number, pasid: number): boolean {
    for (let i = 0; i < LEVELS.length; i++) {
      const level = this.#levels[i] as Tagged;
      const slot = level.find(page, pasid);
      if (slot < 0) continue;
      this.#hold(level, page, level.targets[slot] as number, level.flags[slot] as number);
      return true;
    }
    return false;
  }

  /**
   * Remembers a leaf, and finds the page in it.
   * @param size 0 for 4K, 1 for 2M, 2 for 1G
   * @param target first page behind the leaf
   */
  insert(page: number, pasid: number, size: 0 | 1 | 2, target: number, flags: number): void {
    const level = this.#levels[size] as Tagged;
    level.put(page, pasid, target, flags);
    this.#hold(level, page, target, flags);
  }

  /**
   * Forgets every leaf that touches the pages [first, last].
   * @param pasid undefined: of every PASID
   */
  invalidate(pasid: number | undefined, first = 0, last = Number.POSITIVE_INFINITY): void {
    for (const level of this.#levels) level.invalidate(pasid, first, last);
  }

  #hold(level: Tagged, page: number, target: number, flags: number): void {
    const offset = page - Math.floor(page / level.pages) * level.pages;
    this.page = target + offset;
    this.pages = level.pages - offset;
    this.flags = flags;
  }
}
