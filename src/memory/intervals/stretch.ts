/** The runs of an interval map that start in one stretch of 2^30 pages (4 TiB): leaves, and their order. */

import { LeafOrder, NOWHERE } from './leaf-order.js';
import { LEAF, LEAF_SHIFT, Leaves } from './leaves.js';

export const STRETCH = 2 ** 30;
/** A leaf with so many runs takes some of a full neighbour's. */
const SHARED = LEAF - 3;

export class Stretch {
  /** Where locate() ended: a leaf, and how many of its runs start at or before the offset. -1: no longer so. */
  #located = NOWHERE;
  #leaf = NOWHERE;
  #index = 0;
  /** Number of runs. */
  count = 0;
  /** Its first page. */
  readonly base: number;
  readonly leaves = new Leaves();
  readonly #order = new LeafOrder();

  constructor(base: number) {
    this.base = base;
    this.#order.insert(NOWHERE, this.leaves.allocate(), 0);
  }

  get bytes(): number {
    return this.leaves.bytes + this.#order.bytes;
  }

  /** Place of the first run, and of the last. */
  get first(): number {
    return this.#order.first << LEAF_SHIFT;
  }
  get last(): number {
    const leaf = this.#order.last;
    return (leaf << LEAF_SHIFT) + this.leaves.count(leaf) - 1;
  }

  /** The place of the next run; NOWHERE at the end. */
  after(place: number): number {
    const leaf = place >>> LEAF_SHIFT;
    if (!this.leaves.ends(leaf, (place & (LEAF - 1)) + 1)) return place + 1;
    const next = this.#order.next(leaf);
    return next === NOWHERE ? NOWHERE : next << LEAF_SHIFT;
  }

  /** Finds where an offset belongs. Returns the place of the last run that starts at or before it, or NOWHERE. */
  locate(offset: number): number {
    const { leaves } = this;
    let leaf = this.#order.near(offset);
    let index = leaves.upper(leaf, offset);
    while (leaves.ends(leaf, index)) {
      const next = this.#order.next(leaf);
      if (next === NOWHERE || this.#order.separator(next) > offset) break;
      leaf = next;
      index = leaves.upper(leaf, offset);
    }
    this.#located = offset;
    this.#leaf = leaf;
    this.#index = index;
    if (index > 0) return (leaf << LEAF_SHIFT) + index - 1;
    const before = this.#order.before(leaf);
    return before === NOWHERE ? NOWHERE : (before << LEAF_SHIFT) + leaves.count(before) - 1;
  }

  /** Adds a run that overlaps none. */
  insert(start: number, pages: number, target: number, tag: number): void {
    if (start !== this.#located) this.locate(start);
    this.#located = NOWHERE;
    if (this.leaves.count(this.#leaf) === LEAF) this.#makeRoom(start);
    this.leaves.put(this.#leaf, this.#index, start, pages, target, tag);
    this.count++;
  }

  /** Takes a run away. Returns the place of the next one, or NOWHERE. */
  remove(place: number): number {
    const { leaves } = this;
    const leaf = place >>> LEAF_SHIFT;
    const index = place & (LEAF - 1);
    const next = this.#order.next(leaf);
    leaves.take(leaf, index);
    this.#located = NOWHERE;
    this.count--;
    const count = leaves.count(leaf);
    if (count < LEAF / 4) {
      if (count === 0 && this.count > 0) {
        this.#drop(leaf);
        return next === NOWHERE ? NOWHERE : next << LEAF_SHIFT;
      }
      if (next !== NOWHERE && count + leaves.count(next) <= LEAF / 2) {
        leaves.moveFirst(next, leaves.count(next), leaf);
        this.#drop(next);
        return place;
      }
    }
    if (index < count) return place;
    return next === NOWHERE ? NOWHERE : next << LEAF_SHIFT;
  }

  #drop(leaf: number): void {
    this.#order.remove(leaf);
    this.leaves.free(leaf);
  }

  /** Makes room in the full leaf that locate() ended in: a neighbour takes what it can, or a new leaf half. */
  #makeRoom(start: number): void {
    const { leaves } = this;
    const leaf = this.#leaf;
    const next = this.#order.next(leaf);
    const before = this.#order.before(leaf);
    if (next !== NOWHERE && leaves.count(next) <= SHARED) {
      const given = (LEAF - leaves.count(next) + 1) >> 1;
      leaves.moveLast(leaf, given, next);
      this.#order.move(next, leaves.start(next << LEAF_SHIFT));
      this.#goOn(next, LEAF - given);
    } else if (before !== NOWHERE && leaves.count(before) <= SHARED) {
      const held = leaves.count(before);
      const given = (LEAF - held + 1) >> 1;
      leaves.moveFirst(leaf, given, before);
      this.#order.move(leaf, leaves.start(leaf << LEAF_SHIFT));
      if (this.#index > given) this.#index -= given;
      else {
        this.#leaf = before;
        this.#index += held;
      }
    } else {
      // Runs that come in rising order fill leaf after leaf; others halve a full one.
      const rising = this.#index === LEAF && next === NOWHERE;
      const made = leaves.allocate();
      if (!rising) leaves.moveLast(leaf, LEAF / 2, made);
      this.#order.insert(leaf, made, rising ? start : leaves.start(made << LEAF_SHIFT));
      if (rising) {
        this.#leaf = made;
        this.#index = 0;
      } else this.#goOn(made, LEAF / 2);
    }
  }

  /** The runs of the leaf from `kept` on are the first of the next one now. */
  #goOn(next: number, kept: number): void {
    if (this.#index <= kept) return;
    this.#leaf = next;
    this.#index -= kept;
  }
}
