/**
 * The IOTLB: translations that the hardware remembers from a walk (Intel VT-d specification, 6.2). One for each
 * requester and first-level table; direct-mapped, one array for each leaf size. What is not present is never kept.
 */

/** Entries of each size; powers of two. */
const ENTRIES = [4096, 512, 64] as const;
/** Pages of a leaf, as a power of two: 4K, 2M, 1G. */
const LEAF_SHIFT = [0, 9, 18] as const;
export const LEVELS = [0, 1, 2] as const;

export const WRITABLE = 1;
/** The leaf's dirty bit was set when it was walked: a write needs no new walk. */
export const DIRTY = 2;

export class Iotlb {
  /** Target of the last hit: page-frame number behind the first level, pages to the leaf's end, flags. */
  page = 0;
  pages = 0;
  flags = 0;
  readonly #tags = ENTRIES.map((n) => new Float64Array(n).fill(-1));
  readonly #targets = ENTRIES.map((n) => new Float64Array(n));
  readonly #flags = ENTRIES.map((n) => new Uint8Array(n));

  /** Looks a page up. Returns false if it is not remembered. */
  find(page: number): boolean {
    for (const level of LEVELS) {
      const size = 2 ** LEAF_SHIFT[level];
      const leaf = Math.floor(page / size);
      const slot = leaf % ENTRIES[level];
      if ((this.#tags[level] as Float64Array)[slot] !== leaf) continue;
      const offset = page - leaf * size;
      this.page = ((this.#targets[level] as Float64Array)[slot] as number) + offset;
      this.pages = size - offset;
      this.flags = (this.#flags[level] as Uint8Array)[slot] as number;
      return true;
    }
    return false;
  }

  /** Remembers a leaf. @param level 0 for 4K, 1 for 2M, 2 for 1G; @param target first page behind the leaf */
  insert(page: number, level: 0 | 1 | 2, target: number, flags: number): void {
    const leaf = Math.floor(page / 2 ** LEAF_SHIFT[level]);
    const slot = leaf % ENTRIES[level];
    (this.#tags[level] as Float64Array)[slot] = leaf;
    (this.#targets[level] as Float64Array)[slot] = target;
    (this.#flags[level] as Uint8Array)[slot] = flags;
  }

  /** Forgets everything. */
  invalidateAll(): void {
    for (const tags of this.#tags) tags.fill(-1);
  }

  /** Forgets every leaf that touches the pages [first, last]. */
  invalidateRange(first: number, last: number): void {
    for (const level of LEVELS) {
      const tags = this.#tags[level] as Float64Array;
      const from = Math.floor(first / 2 ** LEAF_SHIFT[level]);
      const to = Math.floor(last / 2 ** LEAF_SHIFT[level]);
      for (let slot = 0; slot < tags.length; slot++) {
        const leaf = tags[slot] as number;
        if (leaf >= from && leaf <= to) tags[slot] = -1;
      }
    }
  }
}
