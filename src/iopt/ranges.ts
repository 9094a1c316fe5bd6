/**
 * Ranges of I/O virtual addresses beside the areas: reserved ones, each with an owner with whom it vanishes, and the
 * allowed ones that the choice of an address keeps to (linux-iommufd.md, 4.2).
 */
import { U64_MAX } from '../abi/address.js';

/** Inclusive. */
export interface Range {
  readonly start: bigint;
  readonly last: bigint;
}

interface Reserved extends Range {
  readonly owner: object | undefined;
}

/** True if two inclusive ranges have an address in common. */
function touches(a: Range, b: Range): boolean {
  return a.start <= b.last && b.start <= a.last;
}

/** The index of the first range that ends at an address or after it, of disjoint ones in rising order. */
export function firstEnding(ranges: readonly Range[], address: bigint): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle];
    if (range && range.last < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class ReservedRanges {
  /** In order of their starts; they may overlap. */
  #ranges: Reserved[] = [];
  #holes: readonly Range[] | undefined;

  /** @param owner undefined: it stays as long as the address space */
  add(start: bigint, last: bigint, owner: object | undefined): void {
    this.#holes = undefined;
    const at = this.#ranges.findIndex((range) => range.start > start);
    this.#ranges.splice(at < 0 ? this.#ranges.length : at, 0, { start, last, owner });
  }

  /** Takes away what an owner reserved. */
  remove(owner: object): void {
    this.#holes = undefined;
    this.#ranges = this.#ranges.filter((range) => range.owner !== owner);
  }

  /** A reserved range that touches another. */
  touching(range: Range): Range | undefined {
    const hole = this.holes()[firstEnding(this.holes(), range.start)];
    if (hole && hole.start <= range.start && range.last <= hole.last) return undefined;
    return this.#ranges.find((other) => touches(other, range));
  }

  /** What is not reserved, in rising order. */
  holes(): readonly Range[] {
    this.#holes ??= holesOf(this.#ranges);
    return this.#holes;
  }
}

function holesOf(ranges: readonly Range[]): Range[] {
  const holes: Range[] = [];
  let start = 0n;
  for (const range of ranges) {
    if (range.start > start) holes.push({ start, last: range.start - 1n });
    if (range.last >= start) start = range.last + 1n;
  }
  if (start <= U64_MAX) holes.push({ start, last: U64_MAX });
  return holes;
}

/** Disjoint ranges in rising order, those joined that follow each other without a gap. */
export function joined(ranges: Iterable<Range>): Range[] {
  const result: { start: bigint; last: bigint }[] = [];
  for (const { start, last } of ranges) {
    const before = result.at(-1);
    if (before && before.last + 1n === start) before.last = last;
    else result.push({ start, last });
  }
  return result;
}
