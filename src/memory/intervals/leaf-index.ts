/**
 * The order of the leaves of an interval map, in two levels: stretches of up to 512 leaves, and an index of the stretches.
 * So a leaf that comes or goes moves a few kilobytes however many there are, and the whole grows as n log n.
 *
 * Vocabulary: a *place* is where a leaf stands here; it holds until the next insertAfter() or remove(). NOWHERE is none.
 */

import { upper } from './leaves.js';

const SHIFT = 9;
const STRETCH = 1 << SHIFT;
export const NOWHERE = -1;

export class LeafIndex {
  /** First page and number of the leaf at a place. A stretch holds its leaves side by side. */
  #tops = new Float64Array(4);
  #ids = new Uint32Array(4);
  /** Leaves in each stretch, and the stretch behind it. */
  #sizes = new Uint16Array(1);
  #behind = new Int32Array(1).fill(NOWHERE);
  /** The stretches in rising order, and the first page of each. */
  #order = new Uint32Array(1);
  #firsts = new Float64Array(1);
  #stretches = 0;
  #free: number[] = [];
  #used = 0;

  get bytes(): number {
    const arrays = [this.#tops, this.#ids, this.#sizes, this.#behind, this.#order, this.#firsts];
    return arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  /** The place of the first leaf. */
  get first(): number {
    return this.#stretches === 0 ? NOWHERE : (this.#order[0] as number) << SHIFT;
  }

  /** The place of the next leaf. */
  after(place: number): number {
    const stretch = place >>> SHIFT;
    if ((place & (STRETCH - 1)) + 1 < (this.#sizes[stretch] as number)) return place + 1;
    const behind = this.#behind[stretch] as number;
    return behind < 0 ? NOWHERE : behind << SHIFT;
  }

  /** After insertAfter(): the place of the leaf that the new one was put behind. @param was its place until then */
  before(place: number, was: number): number {
    return (place & (STRETCH - 1)) === 0 ? was : place - 1;
  }

  /** The place of the last leaf that starts at or before a page. */
  find(page: number): number {
    const at = upper(this.#firsts, 0, this.#stretches, page) - 1;
    if (at < 0) return NOWHERE;
    const stretch = this.#order[at] as number;
    const base = stretch << SHIFT;
    return upper(this.#tops, base, base + (this.#sizes[stretch] as number), page) - 1;
  }

  /** The number of the leaf at a place. */
  id(place: number): number {
    return this.#ids[place] as number;
  }

  /** Another run is the first of a leaf. */
  setTop(place: number, top: number): void {
    if ((place & (STRETCH - 1)) === 0) this.#firsts[this.#ordinal(place >>> SHIFT)] = top;
    this.#tops[place] = top;
  }

  /**
   * Puts a leaf behind another.
   * @param place of that one; NOWHERE: the new leaf is the only one
   * @returns the new one's place; the other one may have moved, see before()
   */
  insertAfter(place: number, top: number, id: number): number {
    if (place === NOWHERE) {
      const stretch = this.#newStretch();
      this.#enter(0, stretch, top);
      return this.#put(stretch << SHIFT, top, id);
    }
    const stretch = place >>> SHIFT;
    const size = this.#sizes[stretch] as number;
    if (size < STRETCH) return this.#put(place + 1, top, id);
    const slot = place & (STRETCH - 1);
    const isLast = (this.#behind[stretch] as number) < 0;
    // As with leaves: what comes in rising order fills stretch after stretch.
    const kept = slot + 1 === STRETCH && isLast ? STRETCH : STRETCH / 2;
    const next = this.#newStretch();
    const [from, to] = [(stretch << SHIFT) + kept, next << SHIFT];
    this.#tops.copyWithin(to, from, from + STRETCH - kept);
    this.#ids.copyWithin(to, from, from + STRETCH - kept);
    this.#sizes[stretch] = kept;
    this.#sizes[next] = STRETCH - kept;
    this.#behind[next] = this.#behind[stretch] as number;
    this.#behind[stretch] = next;
    this.#enter(this.#ordinal(stretch) + 1, next, kept === STRETCH ? top : (this.#tops[to] as number));
    return this.#put(slot < kept && kept < STRETCH ? place + 1 : to + slot + 1 - kept, top, id);
  }

  /** Takes a leaf out. Returns the place of the next one. */
  remove(place: number): number {
    const stretch = place >>> SHIFT;
    const base = stretch << SHIFT;
    const size = (this.#sizes[stretch] as number) - 1;
    if (place === base && size > 0) this.#firsts[this.#ordinal(stretch)] = this.#tops[place + 1] as number;
    this.#tops.copyWithin(place, place + 1, base + size + 1);
    this.#ids.copyWithin(place, place + 1, base + size + 1);
    this.#sizes[stretch] = size;
    const behind = this.#behind[stretch] as number;
    if (size === 0) this.#leave(stretch);
    else if (behind >= 0 && size < STRETCH / 4 && size + (this.#sizes[behind] as number) <= STRETCH / 2) {
      const [from, more] = [behind << SHIFT, this.#sizes[behind] as number];
      this.#tops.copyWithin(base + size, from, from + more);
      this.#ids.copyWithin(base + size, from, from + more);
      this.#sizes[stretch] = size + more;
      this.#leave(behind);
    }
    if (place < base + (this.#sizes[stretch] as number)) return place;
    return behind < 0 ? NOWHERE : behind << SHIFT;
  }

  /** Where a stretch stands in the order. */
  #ordinal(stretch: number): number {
    return upper(this.#firsts, 0, this.#stretches, this.#tops[stretch << SHIFT] as number) - 1;
  }

  #put(place: number, top: number, id: number): number {
    const stretch = place >>> SHIFT;
    const end = (stretch << SHIFT) + (this.#sizes[stretch] as number);
    if (end === this.#tops.length) {
      // The first stretch alone grows by pieces, so that a small map stays small.
      const size = Math.min(STRETCH, end * 2);
      this.#tops = grown(this.#tops, new Float64Array(size));
      this.#ids = grown(this.#ids, new Uint32Array(size));
    }
    this.#tops.copyWithin(place + 1, place, end);
    this.#ids.copyWithin(place + 1, place, end);
    this.#tops[place] = top;
    this.#ids[place] = id;
    this.#sizes[stretch] = end - (stretch << SHIFT) + 1;
    return place;
  }

  #newStretch(): number {
    const stretch = this.#free.pop() ?? this.#used++;
    if (stretch >= this.#sizes.length) {
      const size = stretch + (stretch >>> 2) + 1;
      this.#sizes = grown(this.#sizes, new Uint16Array(size));
      this.#behind = grown(this.#behind, new Int32Array(size).fill(NOWHERE));
      this.#tops = grown(this.#tops, new Float64Array(size * STRETCH));
      this.#ids = grown(this.#ids, new Uint32Array(size * STRETCH));
    }
    this.#sizes[stretch] = 0;
    this.#behind[stretch] = NOWHERE;
    return stretch;
  }

  /** Enters a stretch into the index of stretches. */
  #enter(at: number, stretch: number, first: number): void {
    if (this.#stretches === this.#order.length) {
      const size = this.#stretches * 2;
      this.#order = grown(this.#order, new Uint32Array(size));
      this.#firsts = grown(this.#firsts, new Float64Array(size));
    }
    this.#order.copyWithin(at + 1, at, this.#stretches);
    this.#firsts.copyWithin(at + 1, at, this.#stretches);
    this.#order[at] = stretch;
    this.#firsts[at] = first;
    this.#stretches++;
  }

  #leave(stretch: number): void {
    const at = this.#ordinal(stretch);
    if (at > 0) this.#behind[this.#order[at - 1] as number] = this.#behind[stretch] as number;
    this.#order.copyWithin(at, at + 1, this.#stretches);
    this.#firsts.copyWithin(at, at + 1, this.#stretches);
    this.#stretches--;
    this.#free.push(stretch);
  }
}

/** A copy with more room. */
export function grown<T extends Float64Array | Uint32Array | Uint16Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
