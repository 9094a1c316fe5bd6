/**
 * The areas of an I/O address space in rising order: leaves of up to 64 areas below one index, so that a million areas cost
 * two short searches.
 */
import type { Area } from './area.js';

const LEAF = 64;

export class AreaTree {
  readonly #leaves: Area[][] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first area that ends at an address or after it. */
  seek(address: bigint): Area | undefined {
    const at = this.#leaf(address);
    const leaf = this.#leaves[at];
    if (!leaf) return undefined;
    const index = lowest(leaf, address);
    const before = leaf[index - 1];
    if (before && before.last >= address) return before;
    return leaf[index] ?? this.#leaves[at + 1]?.[0];
  }

  /** The area that holds an address. */
  at(address: bigint): Area | undefined {
    const area = this.seek(address);
    return area && area.start <= address ? area : undefined;
  }

  /** The first area that touches [start, last]. */
  touching(start: bigint, last: bigint): Area | undefined {
    const area = this.seek(start);
    return area && area.start <= last ? area : undefined;
  }

  /** Adds an area that overlaps none. */
  insert(area: Area): void {
    this.#count++;
    const at = this.#leaf(area.start);
    const leaf = this.#leaves[at];
    if (!leaf) {
      this.#leaves.push([area]);
      return;
    }
    const index = lowest(leaf, area.start);
    if (leaf.length < LEAF) {
      leaf.splice(index, 0, area);
      return;
    }
    // Areas that come in rising order fill leaf after leaf; others halve a full one.
    const cut = index === LEAF && at + 1 === this.#leaves.length ? LEAF : LEAF / 2;
    const upper = leaf.splice(cut);
    if (index >= cut) upper.splice(index - cut, 0, area);
    else leaf.splice(index, 0, area);
    this.#leaves.splice(at + 1, 0, upper);
  }

  remove(area: Area): void {
    const at = this.#leaf(area.start);
    const leaf = this.#leaves[at];
    const index = leaf ? lowest(leaf, area.start) - 1 : -1;
    if (leaf?.[index] !== area) throw new Error(`no area at 0x${area.start.toString(16)}`);
    leaf.splice(index, 1);
    if (leaf.length === 0) this.#leaves.splice(at, 1);
    this.#count--;
  }

  *[Symbol.iterator](): Iterator<Area> {
    for (const leaf of this.#leaves) yield* leaf;
  }

  /** The leaf that an address belongs into: the last one that begins at or before it. */
  #leaf(address: bigint): number {
    const leaves = this.#leaves;
    let [low, high] = [0, leaves.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (startOf(leaves[middle]) <= address) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** How many areas of a leaf start at or before an address. */
function lowest(leaf: Area[], address: bigint): number {
  let [low, high] = [0, leaf.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaf[middle] as Area).start <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a leaf begins; no leaf is empty. */
function startOf(leaf: Area[] | undefined): bigint {
  return leaf?.[0]?.start ?? 0n;
}
