/**
 * Disjoint ranges of addresses in rising order, exact to the byte: leaves of up to 64 ranges below one index, so that a
 * million of them cost two short searches. (Runs of whole pages take less memory in an IntervalMap.)
 */

/** What is kept: it occupies the addresses from `start` to `last`, both inclusive, as long as it is in the tree. */
export interface Range {
  readonly start: bigint;
  readonly last: bigint;
}

const LEAF = 64;

export class RangeTree<T extends Range> {
  readonly #leaves: T[][] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first range that ends at an address or after it. */
  seek(address: bigint): T | undefined {
    const at = this.#leaf(address);
    const leaf = this.#leaves[at];
    if (!leaf) return undefined;
    const index = lowest(leaf, address);
    const before = leaf[index - 1];
    if (before && before.last >= address) return before;
    return leaf[index] ?? this.#leaves[at + 1]?.[0];
  }

  /** The range that holds an address. */
  at(address: bigint): T | undefined {
    const range = this.seek(address);
    return range && range.start <= address ? range : undefined;
  }

  /** The first range that touches [start, last]. */
  touching(start: bigint, last: bigint): T | undefined {
    const range = this.seek(start);
    return range && range.start <= last ? range : undefined;
  }

  /** Adds a range that overlaps none. */
  insert(range: T): void {
    this.#count++;
    const at = this.#leaf(range.start);
    const leaf = this.#leaves[at];
    if (!leaf) {
      this.#leaves.push([range]);
      return;
    }
    const index = lowest(leaf, range.start);
    if (leaf.length < LEAF) {
      leaf.splice(index, 0, range);
      return;
    }
    // Ranges that come in rising order fill leaf after leaf; others halve a full one.
    const cut = index === LEAF && at + 1 === this.#leaves.length ? LEAF : LEAF / 2;
    const upper = leaf.splice(cut);
    if (index >= cut) upper.splice(index - cut, 0, range);
    else leaf.splice(index, 0, range);
    this.#leaves.splice(at + 1, 0, upper);
  }

  remove(range: T): void {
    const at = this.#leaf(range.start);
    const leaf = this.#leaves[at];
    const index = leaf ? lowest(leaf, range.start) - 1 : -1;
    if (leaf?.[index] !== range) throw new Error(`no range at 0x${range.start.toString(16)}`);
    leaf.splice(index, 1);
    if (leaf.length === 0) this.#leaves.splice(at, 1);
    this.#count--;
  }

  *[Symbol.iterator](): Iterator<T> {
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

/** How many ranges of a leaf start at or before an address. */
function lowest(leaf: readonly Range[], address: bigint): number {
  let [low, high] = [0, leaf.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((leaf[middle] as Range).start <= address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a leaf begins; no leaf is empty. */
function startOf(leaf: readonly Range[] | undefined): bigint {
  return leaf?.[0]?.start ?? 0n;
}
