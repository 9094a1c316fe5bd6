/**
 * Disjoint runs of pages in rising order: the mappings of an I/O address space, or how often frames are pinned.
 *
 * A run is 20 bytes in typed arrays: where it starts in its stretch of 2^30 pages, its length, its target page and a tag.
 * Runs live in leaves of up to 16; a trie leads to the leaf, seven comparisons without a branch to the run. A tree of
 * objects would cost four times the memory and a cache miss per level. Page-frame numbers are exact: below 2^52 a double
 * is an integer.
 *
 * Vocabulary: a *page* is a page-frame number (address / 4096). The *cursor* stands on one run, which `start`, `pages`,
 * `target` and `tag` describe.
 */

import { NOWHERE } from './leaf-order.js';
import { STRETCH, Stretch } from './stretch.js';

/** Bytes that an empty map may keep: one that is filled and emptied over and over allocates nothing. */
const KEPT = 2048;

export class IntervalMap {
  #count = 0;
  /** In rising order; none is empty but a lonely one, which stays for the next run. */
  #stretches: Stretch[] = [new Stretch(0)];
  /** The stretch under the cursor, its number in the order, and the place of the run in it. */
  #stretch = this.#stretches[0] as Stretch;
  #at = 0;
  #place = NOWHERE;
  /** The cursor stands on a run. */
  #hot = false;

  /** First page, length in pages, target page and tag of the run under the cursor. */
  get start(): number {
    return this.#stretch.base + this.#stretch.leaves.start(this.#place);
  }
  get pages(): number {
    return this.#stretch.leaves.pages(this.#place);
  }
  get target(): number {
    return this.#stretch.leaves.target(this.#place);
  }
  get tag(): number {
    return this.#stretch.leaves.tag(this.#place);
  }

  /** Number of runs. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory held for the runs. */
  get bytes(): number {
    return this.#stretches.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Puts the cursor on the run that holds a page. Returns false, and leaves the cursor undefined, if none does. */
  find(page: number): boolean {
    const stretch = this.#stretch;
    const offset = page - stretch.base;
    if (offset >= 0 && offset < STRETCH) {
      // DMA walks pages in order, so the run of the last question is often the answer.
      if (this.#hot && stretch.leaves.holds(this.#place, offset | 0)) return true;
      const place = stretch.locate(offset | 0);
      if (place !== NOWHERE) {
        this.#place = place;
        this.#hot = stretch.leaves.holds(place, offset | 0);
        return this.#hot;
      }
    }
    return this.#locate(page) && page < this.start + this.pages;
  }

  /** Puts the cursor on the first run that ends after a page. Returns false if there is none. */
  seek(page: number): boolean {
    const stretch = this.#stretch;
    const offset = page - stretch.base;
    if (offset >= 0 && offset < STRETCH) {
      const place = stretch.locate(offset | 0);
      if (place !== NOWHERE) {
        this.#place = place;
        this.#hot = true;
        return stretch.leaves.holds(place, offset | 0) || this.next();
      }
    }
    if (!this.#locate(page)) return this.#count > 0 && this.#put(0, (this.#stretches[0] as Stretch).first);
    return page < this.start + this.pages || this.next();
  }

  /** Moves the cursor to the next run. Returns false at the end. */
  next(): boolean {
    return this.#putOrNext(this.#stretch.after(this.#place));
  }

  /** True if any run touches [first, last]. */
  overlaps(first: number, last: number): boolean {
    return this.seek(first) && this.start <= last;
  }

  /**
   * Adds a run that overlaps none (see overlaps(), which also makes the way to the place known).
   * @param start first page; @param pages length, 1 to 2^48-1; @param target first target page
   * @param tag 0 to 65535
   */
  insert(start: number, pages: number, target: number, tag: number): void {
    const stretch = this.#open(start);
    stretch.insert((start - stretch.base) | 0, pages, target, tag);
    this.#count++;
    this.#hot = false;
  }

  /** Takes away the run under the cursor and moves on to the next. Returns false if there is none. */
  remove(): boolean {
    const stretch = this.#stretch;
    const place = stretch.remove(this.#place);
    this.#count--;
    if (stretch.count > 0) return this.#putOrNext(place);
    if (this.#count > 0) {
      this.#stretches.splice(this.#at, 1);
      // The next stretch has the number now; or there is none behind.
      const more = this.#at < this.#stretches.length;
      this.#enter(more ? this.#at : this.#at - 1);
      if (more) return this.#put(this.#at, this.#stretch.first);
    } else if (stretch.bytes > KEPT) {
      this.#stretches = [new Stretch(stretch.base)];
      this.#enter(0);
    }
    this.#hot = false;
    return false;
  }

  /** Puts the cursor on the last run that starts at or before a page. Returns false if there is none. */
  #locate(page: number): boolean {
    let offset = page - this.#stretch.base;
    if (offset < 0 || offset >= STRETCH) {
      const at = this.#search(page);
      this.#hot = false;
      if (at < 0) return false;
      this.#enter(at);
      offset = page - this.#stretch.base;
      if (offset >= STRETCH) return this.#count > 0 && this.#put(at, this.#stretch.last);
    }
    const place = this.#stretch.locate(offset | 0);
    if (place !== NOWHERE) return this.#put(this.#at, place);
    this.#hot = false;
    const before = this.#stretches[this.#at - 1];
    return before !== undefined && this.#put(this.#at - 1, before.last);
  }

  /** The number of the last stretch that begins at or before a page, or -1. */
  #search(page: number): number {
    let low = 0;
    for (let high = this.#stretches.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#stretches[middle] as Stretch).base <= page) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** The stretch that a page is in, made if there is none. */
  #open(page: number): Stretch {
    const offset = page - this.#stretch.base;
    if (offset >= 0 && offset < STRETCH) return this.#stretch;
    const at = this.#search(page);
    const found = this.#stretches[at];
    if (found && page - found.base < STRETCH) return found;
    const made = new Stretch(page - (page % STRETCH));
    if (this.#count === 0) this.#stretches = [made];
    else this.#stretches.splice(at + 1, 0, made);
    this.#enter(this.#stretches.indexOf(made));
    return made;
  }

  #enter(at: number): void {
    this.#at = at;
    this.#stretch = this.#stretches[at] as Stretch;
  }

  /** Puts the cursor on a run of the stretch under it, or at the end of that on the first run of the next. */
  #putOrNext(place: number): boolean {
    if (place !== NOWHERE) return this.#put(this.#at, place);
    this.#hot = false;
    const next = this.#stretches[this.#at + 1];
    return next !== undefined && this.#put(this.#at + 1, next.first);
  }

  #put(at: number, place: number): true {
    if (at !== this.#at) this.#enter(at);
    this.#place = place;
    this.#hot = true;
    return true;
  }
}
