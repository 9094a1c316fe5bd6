/**
 * Disjoint runs of pages in rising order: the mappings of an I/O address space, or how often frames are pinned.
 *
 * A run is 24 bytes in typed arrays: its first page, its target page, its length and a tag. Runs live in leaves of up
 * to 32; an index of the leaves' first pages, in two levels, is searched first. A tree of objects would cost four times the
 * memory and a cache miss per level. Page-frame numbers are exact: below 2^52 a double is an integer.
 *
 * Vocabulary: a *page* is a page-frame number (address / 4096). The *cursor* stands on one run, which `start`, `pages`,
 * `target` and `tag` describe.
 */

import { grown, LeafIndex, NOWHERE } from './leaf-index.js';
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
  #index = new LeafIndex();
  /** Runs in each leaf, by leaf number. */
  #counts = new Uint8Array(4);
  #leaf = NOWHERE;
  #at = 0;
  /** Where the last overlaps() found room: insert() there need not search again. -1: unknown. */
  #gapPage = -1;
  #gapLeaf = 0;
  #gapIndex = 0;
  #split = 0;

  /** Number of runs. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory held for the runs. */
  get bytes(): number {
    let sum = this.#index.bytes + this.#counts.byteLength;
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
    // The cursor stands on the last run that starts at or before the page, or before the first run.
    return this.#count > 0 && (this.#at < 0 ? this.#load(this.#index.first, 0) : this.next());
  }

  /** Moves the cursor to the next run. Returns false at the end. */
  next(): boolean {
    if (this.#at + 1 < this.#countAt(this.#leaf)) return this.#load(this.#leaf, this.#at + 1);
    this.#hot = false;
    return this.#loadFirst(this.#index.after(this.#leaf));
  }

  /** True if any run touches [first, last]. */
  overlaps(first: number, last: number): boolean {
    this.#gapPage = -1;
    if (this.#locate(first) && first < this.start + this.pages) return true;
    if (this.#count === 0) return false;
    const leaf = this.#leaf;
    const index = this.#at;
    if ((index < 0 ? this.#load(leaf, 0) : this.next()) && this.start <= last) return true;
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
    let leaf = known ? this.#gapLeaf : this.#leafFor(start);
    let count = this.#countAt(leaf);
    let index = known ? this.#gapIndex : this.#upper(leaf, count, start);
    if (count === LEAF) {
      leaf = this.#makeRoom(leaf, index, start);
      index = this.#split;
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
    if (index === 0) this.#index.setTop(leaf, start);
    this.#count++;
    this.#hot = false;
  }

  /** Takes away the run under the cursor and moves on to the next. Returns false if there is none. */
  remove(): boolean {
    this.#gapPage = -1;
    const leaf = this.#leaf;
    const index = this.#at;
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
      return this.#loadFirst(this.#dropLeaf(leaf));
    }
    if (index === 0) this.#index.setTop(leaf, segment.starts[base] as number);
    if (count < LEAF / 4) this.#merge(leaf);
    // After a merge the leaf is the same and holds more; the next run is where the removed one was.
    if (index < this.#countAt(leaf)) return this.#load(leaf, index);
    return this.#loadFirst(this.#index.after(leaf));
  }

  /** Puts the cursor on the last run that starts at or before a page. False, with index -1, if there is none. */
  #locate(page: number): boolean {
    const leaf = this.#index.find(page);
    if (leaf === NOWHERE) {
      this.#leaf = this.#index.first;
      this.#at = -1;
      this.#hot = false;
      return false;
    }
    return this.#load(leaf, this.#upper(leaf, this.#countAt(leaf), page) - 1);
  }

  /** The place of the leaf that a run goes into; of a new one if there is none. */
  #leafFor(start: number): number {
    const found = this.#index.find(start);
    if (found !== NOWHERE) return found;
    return this.#count > 0 ? this.#index.first : this.#addLeaf(NOWHERE, start);
  }

  /** How many runs of a leaf start at or before a page. */
  #upper(leaf: number, count: number, page: number): number {
    const id = this.#idAt(leaf);
    const base = (id & (SEGMENT - 1)) * LEAF;
    return upper(this.#segment(id).starts, base, base + count, page) - base;
  }

  /** Puts the cursor on the first run of a leaf, if there is such a leaf. */
  #loadFirst(leaf: number): boolean {
    return leaf !== NOWHERE && this.#load(leaf, 0);
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
    this.#at = index;
    this.#hot = true;
    return true;
  }

  #idAt(leaf: number): number {
    return this.#index.id(leaf);
  }
  #startAt(leaf: number, index: number): number {
    const id = this.#idAt(leaf);
    return this.#segment(id).starts[(id & (SEGMENT - 1)) * LEAF + index] as number;
  }
  #countAt(leaf: number): number {
    return this.#counts[this.#index.id(leaf)] as number;
  }
  #segment(id: number): Segment {
    return this.#segments[id >>> SEGMENT_SHIFT] as Segment;
  }

  /**
   * Makes room in a full leaf: the next one takes what it can, or a new one half.
   * @returns the leaf in which the run at `index` has its place now; where in it is in `#split`
   */
  #makeRoom(leaf: number, index: number, start: number): number {
    const neighbour = this.#index.after(leaf);
    const more = neighbour === NOWHERE ? LEAF : this.#countAt(neighbour);
    if (more <= LEAF - LEAF / 4) {
      const given = (LEAF - more + 1) >> 1;
      const kept = LEAF - given;
      this.#move(neighbour, 0, more, neighbour, given);
      this.#move(leaf, kept, given, neighbour, 0);
      this.#countedAs(leaf, kept, neighbour, given + more);
      this.#split = index > kept ? index - kept : index;
      return index > kept ? neighbour : leaf;
    }
    // Runs that come in rising order fill leaf after leaf; others halve a full one.
    const kept = index === LEAF && this.#index.after(leaf) === NOWHERE ? LEAF : LEAF / 2;
    const next = this.#addLeaf(leaf, kept === LEAF ? start : this.#startAt(leaf, kept));
    const old = this.#index.before(next, leaf);
    if (kept < LEAF) this.#move(old, kept, LEAF - kept, next, 0);
    this.#countedAs(old, kept, next, LEAF - kept);
    const goes = index > kept || kept === LEAF;
    this.#split = goes ? index - kept : index;
    return goes ? next : old;
  }

  /** After runs were moved from a leaf to the front of the next one. */
  #countedAs(leaf: number, count: number, next: number, more: number): void {
    this.#counts[this.#idAt(leaf)] = count;
    this.#counts[this.#idAt(next)] = more;
    if (more > 0) this.#index.setTop(next, this.#startAt(next, 0));
  }

  /** Joins a leaf with the next one if both fit into half a leaf. */
  #merge(leaf: number): void {
    const next = this.#index.after(leaf);
    if (next === NOWHERE) return;
    const count = this.#countAt(leaf);
    const more = this.#countAt(next);
    if (count + more > LEAF / 2) return;
    this.#move(next, 0, more, leaf, count);
    this.#counts[this.#idAt(leaf)] = count + more;
    this.#dropLeaf(next);
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

  /** Makes an empty leaf behind another. Returns its place. */
  #addLeaf(leaf: number, top: number): number {
    const id = this.#free.pop() ?? this.#newLeaf();
    this.#counts[id] = 0;
    return this.#index.insertAfter(leaf, top, id);
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

  /** Takes an empty leaf out. Returns the place of the next one. */
  #dropLeaf(leaf: number): number {
    this.#free.push(this.#idAt(leaf));
    const next = this.#index.remove(leaf);
    // The smallest of segments stays: a map that is filled and emptied over and over allocates nothing.
    if (this.#count > 0 || this.#segmentLeaves === 1) return next;
    this.#segments = [];
    this.#segmentLeaves = 0;
    this.#used = 0;
    this.#free = [];
    this.#index = new LeafIndex();
    return NOWHERE;
  }
}
