/** The leaves of a stretch: up to 16 runs each, in rising order, in typed arrays that all leaves share. */

import { grown, LAST_OFFSET, more, written } from './leaf-order.js';

/** Most runs in a leaf. A *place* is leaf * LEAF + index of a run. */
export const LEAF = 16;
export const LEAF_SHIFT = 4;
const HIGH = 0x1_0000_0000;
/** Bytes of a run: its start, its target, and two words. */
const RUN = 20;

export class Leaves {
  /** Starts of the runs; behind a leaf's last run LAST_OFFSET, so that a search need not know how many there are. */
  #starts = new Int32Array(LEAF);
  /** Two doubles a run, so that both are in one cache line: the target, then the words of `#words`. */
  #rest = new Float64Array(LEAF * 2);
  /** The same bytes: word 4i+2 is the low length, 4i+3 the high length << 16 | tag. */
  #words = new Uint32Array(this.#rest.buffer);
  /** Runs in each leaf. */
  #counts = new Uint8Array(1);
  #used = 0;
  /** Leaves that were given back. */
  #free: number[] = [];

  get bytes(): number {
    return written(this.#used, this.#counts.length) * (RUN * LEAF + 1);
  }

  count(leaf: number): number {
    return this.#counts[leaf] as number;
  }
  start(place: number): number {
    return this.#starts[place] as number;
  }
  /** Length of a run, pages. */
  pages(place: number): number {
    return (this.#words[4 * place + 2] as number) + ((this.#words[4 * place + 3] as number) >>> 16) * HIGH;
  }
  target(place: number): number {
    return this.#rest[2 * place] as number;
  }
  tag(place: number): number {
    return (this.#words[4 * place + 3] as number) & 0xffff;
  }

  /** Whether a run holds an offset. */
  holds(place: number, offset: number): boolean {
    const behind = offset - (this.#starts[place] as number);
    if (behind < 0) return false;
    return (this.#words[4 * place + 2] as number) > behind >>> 0 || (this.#words[4 * place + 3] as number) >>> 16 !== 0;
  }

  /** Whether a leaf has no more runs than `index`. */
  ends(leaf: number, index: number): boolean {
    return index === LEAF || this.#starts[(leaf << LEAF_SHIFT) + index] === LAST_OFFSET;
  }

  /** How many runs of a leaf start at or before an offset: three looks and then four, none of which is a branch. */
  upper(leaf: number, offset: number): number {
    const starts = this.#starts;
    const base = leaf << LEAF_SHIFT;
    let at = base;
    at +=
      (~((offset - (starts[at + 3] as number)) >> 31) & 4) +
      (~((offset - (starts[at + 7] as number)) >> 31) & 4) +
      (~((offset - (starts[at + 11] as number)) >> 31) & 4);
    at -=
      ~((offset - (starts[at] as number)) >> 31) +
      ~((offset - (starts[at + 1] as number)) >> 31) +
      ~((offset - (starts[at + 2] as number)) >> 31) +
      ~((offset - (starts[at + 3] as number)) >> 31);
    return at - base;
  }

  /** Puts a run into a leaf that has room. */
  put(leaf: number, index: number, start: number, pages: number, target: number, tag: number): void {
    const starts = this.#starts;
    const rest = this.#rest;
    const words = this.#words;
    const count = this.#counts[leaf] as number;
    const at = (leaf << LEAF_SHIFT) + index;
    // Few move, so a loop beats copyWithin().
    for (let to = (leaf << LEAF_SHIFT) + count; to > at; to--) {
      starts[to] = starts[to - 1] as number;
      rest[2 * to] = rest[2 * to - 2] as number;
      // As words: what they hold is no double, and a double could lose bits.
      words[4 * to + 2] = words[4 * to - 2] as number;
      words[4 * to + 3] = words[4 * to - 1] as number;
    }
    this.#counts[leaf] = count + 1;
    starts[at] = start;
    rest[2 * at] = target;
    words[4 * at + 2] = pages;
    words[4 * at + 3] = (Math.floor(pages / HIGH) << 16) | tag;
  }

  /** Takes a run out of a leaf. */
  take(leaf: number, index: number): void {
    const starts = this.#starts;
    const rest = this.#rest;
    const words = this.#words;
    const count = (this.#counts[leaf] as number) - 1;
    const end = (leaf << LEAF_SHIFT) + count;
    for (let at = (leaf << LEAF_SHIFT) + index; at < end; at++) {
      starts[at] = starts[at + 1] as number;
      rest[2 * at] = rest[2 * at + 2] as number;
      words[4 * at + 2] = words[4 * at + 6] as number;
      words[4 * at + 3] = words[4 * at + 7] as number;
    }
    starts[end] = LAST_OFFSET;
    this.#counts[leaf] = count;
  }

  /** Moves the last runs of a leaf to the front of another one. */
  moveLast(from: number, count: number, to: number): void {
    const kept = this.count(from) - count;
    const target = to << LEAF_SHIFT;
    this.#copy(target, this.count(to), target + count);
    this.#copy((from << LEAF_SHIFT) + kept, count, target);
    this.#setCount(to, this.count(to) + count);
    this.#setCount(from, kept);
  }

  /** Moves the first runs of a leaf to the end of another one. */
  moveFirst(from: number, count: number, to: number): void {
    const left = this.count(from) - count;
    const source = from << LEAF_SHIFT;
    this.#copy(source, count, (to << LEAF_SHIFT) + this.count(to));
    this.#copy(source + count, left, source);
    this.#setCount(to, this.count(to) + count);
    this.#setCount(from, left);
  }

  /** An empty leaf. */
  allocate(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const leaf = this.#used;
    if (leaf === this.#counts.length) {
      const room = more(leaf);
      const starts = grown(this.#starts, new Int32Array(room * LEAF));
      const rest = new Float64Array(room * LEAF * 2);
      const words = grown(this.#words, new Uint32Array(rest.buffer));
      this.#counts = grown(this.#counts, new Uint8Array(room));
      this.#starts = starts;
      this.#rest = rest;
      this.#words = words;
    }
    this.#used++;
    this.#setCount(leaf, 0);
    return leaf;
  }

  free(leaf: number): void {
    this.#free.push(leaf);
  }

  #copy(from: number, count: number, to: number): void {
    this.#starts.copyWithin(to, from, from + count);
    this.#words.copyWithin(4 * to, 4 * from, 4 * (from + count));
  }

  #setCount(leaf: number, count: number): void {
    this.#counts[leaf] = count;
    this.#starts.fill(LAST_OFFSET, (leaf << LEAF_SHIFT) + count, (leaf + 1) << LEAF_SHIFT);
  }
}
