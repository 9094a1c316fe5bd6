/**
 * Disjoint runs of pages in rising order: the mappings of an I/O address space, or how often frames are pinned.
 *
 * A run is 24 bytes in typed arrays: its first page, its target page, its length and a tag. Runs live in leaves of up
 * to 32; an index of the leaves' first pages is searched first. A tree of objects would cost four times the
 * memory and a cache miss per level. Page-frame numbers are exact: below 2^52 a double is an integer.
 *
 * Vocabulary: a *page* is a page-frame number (address / 4096). The *cursor* stands on one run, which `start`, `pages`,
 * `target` and `tag` describe.
 */

import { LEAF, SEGMENT, SEGMENT_SHIFT, Segment, upper } from './leaves.js';

export class IntervalMap {
  /** First page, length in pages, target page and tag of the run under the cursor. */
  start = 0;
  pages = 0;
  target = 0;
  tag = 0;

  /** The cursor stands on a run that is still as described. */
  #hot = false;
  #count = 0;
  #segments: Segment[] = [];
  #segmentLeaves = 0;
  #used = 0;
  #free: number[] = [];
  /** Index of the leaves, by position: first page, and leaf number. */
  #tops = new Float64Array(4);
  #ids = new Uint32Array(4);
  #leaves = 0;
  /** Runs in each leaf, by leaf number. */
  #counts = new Uint8Array(4);
  #leaf = 0;
  #index = 0;
  /** Where the last overlaps() found room: insert() there need not search again. -1: unknown. */
  #gapPage = -1;
  #gapLeaf = 0;
  #gapIndex = 0;

  /** Number of runs. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory held for the runs. */
  get bytes(): number {
    let sum = this.#tops.byteLength + this.#ids.byteLength + this.#counts.byteLength;
    for (const segment of this.#segments) sum += segment.starts.byteLength + segment.rest.byteLength;
    return sum;
  }

  /** Puts the cursor on the run that holds a page. Returns false, and leaves the cursor undefined, if none does. */
  find(page: number): boolean {
    // DMA walks pages in order, so the run of the last question is often the answer.
    if (this.#hot && page >= this.start && page < this.start + this.pages) return true;
    return this.#locate(page) && page < this.start + this.pages;
  }

  /** Puts the cursor on the first run that ends after a page. Returns false if there is none. */
  seek(page: number): boolean {
    if (this.#locate(page) && page < this.start + this.pages) return true;
    if (this.#leaves === 0) return false;
    // The cursor stands on the last run that starts at or before the page, or before the first run.
    return this.#index < 0 ? this.#load(0, 0) : this.next();
  }

  /** Moves the cursor to the next run. Returns false at the end. */
  next(): boolean {
    if (this.#index + 1 < this.#countAt(this.#leaf)) return this.#load(this.#leaf, this.#index + 1);
    if (this.#leaf + 1 < this.#leaves) return this.#load(this.#leaf + 1, 0);
    this.#hot = false;
    return false;
  }

  /** True if any run touches [first, last]. */
  overlaps(first: number, last: number): boolean {
    this.#gapPage = -1;
    if (this.#locate(first) && first < this.start + this.pages) return true;
    if (this.#leaves === 0) return false;
    const leaf = this.#leaf;
    const index = this.#index;
    if ((index < 0 ? this.#load(0, 0) : this.next()) && this.start <= last) return true;
    this.#gapPage = first;
    this.#gapLeaf = leaf;
    this.#gapIndex = index + 1;
    return false;
  }

  /**
   * Adds a run that overlaps none (see overlaps()).
   * @param start first page; @param pages length, 1 to 2^48-1; @param target first target page
   * @param tag 0 to 65535
   */
  insert(start: number, pages: number, target: number, tag: number): void {
    const known = this.#gapPage === start;
    this.#gapPage = -1;
    let leaf = known ? this.#gapLeaf : this.#leaves === 0 ? this.#addLeaf(0, start) : Math.max(0, this.#top(start));
    let count = this.#countAt(leaf);
    let index = known ? this.#gapIndex : this.#upper(leaf, count, start);
    if (count === LEAF) {
      // Runs that come in rising order fill leaf after leaf; others halve a full one.
      const at = index === LEAF && leaf + 1 === this.#leaves ? LEAF : LEAF / 2;
      this.#split(leaf, at, start);
      if (index >= at && (index > at || at === LEAF)) {
        leaf++;
        index -= at;
      }
      count = this.#countAt(leaf);
    }
    const id = this.#idAt(leaf);
    const segment = this.#segment(id);
    const base = (id & (SEGMENT - 1)) * LEAF;
    const i = base + index;
    segment.open(i, base + count);
    segment.starts[i] = start;
    segment.rest[2 * i] = target;
    segment.words[4 * i + 2] = pages;
    segment.words[4 * i + 3] = (Math.floor(pages / 0x1_0000_0000) << 16) | tag;
    this.#counts[id] = count + 1;
    if (index === 0) this.#tops[leaf] = start;
    this.#count++;
    this.#hot = false;
  }

  /** Takes away the run under the cursor and moves on to the next. Returns false if there is none. */
  remove(): boolean {
    this.#gapPage = -1;
    const leaf = this.#leaf;
    const index = this.#index;
    const id = this.#idAt(leaf);
    const count = this.#countAt(leaf) - 1;
    const segment = this.#segment(id);
    const base = (id & (SEGMENT - 1)) * LEAF;
    const i = base + index;
    segment.close(i, base + count);
    this.#counts[id] = count;
    this.#count--;
    this.#hot = false;
    if (count === 0) {
      this.#dropLeaf(leaf);
      return leaf < this.#leaves && this.#load(leaf, 0);
    }
    if (index === 0) this.#tops[leaf] = segment.starts[base] as number;
    if (count < LEAF / 4) this.#merge(leaf);
    // After a merge the leaf is the same and holds more; the next run is where the removed one was.
    if (index < this.#countAt(leaf)) return this.#load(leaf, index);
    return leaf + 1 < this.#leaves && this.#load(leaf + 1, 0);
  }

  /** Puts the cursor on the last run that starts at or before a page. False, with index -1, if there is none. */
  #locate(page: number): boolean {
    const leaf = this.#top(page);
    if (leaf < 0) {
      this.#leaf = 0;
      this.#index = -1;
      this.#hot = false;
      return false;
    }
    return this.#load(leaf, this.#upper(leaf, this.#countAt(leaf), page) - 1);
  }

  /** Position of the last leaf whose first page is at or before a page; -1 if none. */
  #top(page: number): number {
    return upper(this.#tops, 0, this.#leaves, page) - 1;
  }

  /** How many runs of a leaf start at or before a page. */
  #upper(leaf: number, count: number, page: number): number {
    const id = this.#idAt(leaf);
    const base = (id & (SEGMENT - 1)) * LEAF;
    return upper(this.#segment(id).starts, base, base + count, page) - base;
  }

  #load(leaf: number, index: number): true {
    const id = this.#idAt(leaf);
    const segment = this.#segment(id);
    const i = (id & (SEGMENT - 1)) * LEAF + index;
    const high = segment.words[4 * i + 3] as number;
    this.start = segment.starts[i] as number;
    this.target = segment.rest[2 * i] as number;
    this.pages = (segment.words[4 * i + 2] as number) + (high >>> 16) * 0x1_0000_0000;
    this.tag = high & 0xffff;
    this.#leaf = leaf;
    this.#index = index;
    this.#hot = true;
    return true;
  }

  #idAt(leaf: number): number {
    return this.#ids[leaf] as number;
  }
  #countAt(leaf: number): number {
    return this.#counts[this.#ids[leaf] as number] as number;
  }
  #segment(id: number): Segment {
    return this.#segments[id >>> SEGMENT_SHIFT] as Segment;
  }

  /** Moves the runs from `at` on into a new leaf behind this one. */
  #split(leaf: number, at: number, start: number): void {
    const next = this.#addLeaf(leaf + 1, start);
    if (at === LEAF) return;
    this.#move(leaf, at, LEAF - at, next, 0);
    this.#counts[this.#idAt(next)] = LEAF - at;
    this.#counts[this.#idAt(leaf)] = at;
    const id = this.#idAt(next);
    this.#tops[next] = this.#segment(id).starts[(id & (SEGMENT - 1)) * LEAF] as number;
  }

  /** Joins a leaf with the next one if both fit into half a leaf. */
  #merge(leaf: number): void {
    if (leaf + 1 >= this.#leaves) return;
    const count = this.#countAt(leaf);
    const more = this.#countAt(leaf + 1);
    if (count + more > LEAF / 2) return;
    this.#move(leaf + 1, 0, more, leaf, count);
    this.#counts[this.#idAt(leaf)] = count + more;
    this.#dropLeaf(leaf + 1);
  }

  #move(from: number, index: number, count: number, to: number, at: number): void {
    const fromId = this.#idAt(from);
    const toId = this.#idAt(to);
    const source = this.#segment(fromId);
    const target = this.#segment(toId);
    const a = (fromId & (SEGMENT - 1)) * LEAF + index;
    const b = (toId & (SEGMENT - 1)) * LEAF + at;
    target.starts.set(source.starts.subarray(a, a + count), b);
    target.rest.set(source.rest.subarray(2 * a, 2 * (a + count)), 2 * b);
  }

  /** Makes an empty leaf at a position of the index. */
  #addLeaf(position: number, top: number): number {
    if (this.#leaves === this.#tops.length) {
      const size = this.#leaves + (this.#leaves >>> 1) + 1;
      this.#tops = grown(this.#tops, new Float64Array(size));
      this.#ids = grown(this.#ids, new Uint32Array(size));
    }
    const id = this.#free.pop() ?? this.#newLeaf();
    this.#tops.copyWithin(position + 1, position, this.#leaves);
    this.#ids.copyWithin(position + 1, position, this.#leaves);
    this.#tops[position] = top;
    this.#ids[position] = id;
    this.#counts[id] = 0;
    this.#leaves++;
    return position;
  }

  #newLeaf(): number {
    const id = this.#used++;
    if (id === this.#counts.length) this.#counts = grown(this.#counts, new Uint8Array(id + (id >>> 1) + 1));
    if (id < this.#segmentLeaves) return id;
    if (this.#segmentLeaves < SEGMENT) {
      const first = new Segment(Math.max(1, this.#segmentLeaves * 2));
      const old = this.#segments[0];
      if (old) {
        first.starts.set(old.starts);
        first.rest.set(old.rest);
      }
      this.#segments[0] = first;
      this.#segmentLeaves = first.starts.length / LEAF;
    } else {
      this.#segments.push(new Segment(SEGMENT));
      this.#segmentLeaves += SEGMENT;
    }
    return id;
  }

  #dropLeaf(position: number): void {
    this.#free.push(this.#idAt(position));
    this.#tops.copyWithin(position, position + 1, this.#leaves);
    this.#ids.copyWithin(position, position + 1, this.#leaves);
    this.#leaves--;
    // The smallest of segments stays: a map that is filled and emptied over and over allocates nothing.
    if (this.#leaves === 0 && this.#segmentLeaves > 1) {
      this.#segments = [];
      this.#segmentLeaves = 0;
      this.#used = 0;
      this.#free = [];
    }
  }
}

function grown<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
