/** The automatic choice of an I/O virtual address (linux-iommufd.md, 4.1): first fit, as aligned as the source is. */
import { hex, larger, PAGE_SIZE, smaller, U64_MAX } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { RangeTree } from '../memory/intervals/range-tree.js';
import type { Area } from './area.js';
import { firstEnding, type Range } from './ranges.js';

const PAGE = BigInt(PAGE_SIZE);
/** Alignment beyond which nothing is gained: the size of a huge page of the CPU. */
const MAX_ALIGNMENT = 1n << 21n;

/** A wanted place. */
export interface Wish {
  /** Bytes. */
  readonly length: bigint;
  /** A power of two. */
  readonly alignment: bigint;
  /** Kept from the source: bytes into its page. */
  readonly offset: bigint;
}

/**
 * What is wanted for a source.
 * @param source address of the source, or offset in its file, bytes
 * @param least alignment that the address space asks for, a power of two
 * @throws EOVERFLOW length 0, or half of the address space and more; EINVAL the source is less aligned
 */
export function wish(source: bigint, length: bigint, least: bigint): Wish {
  if (length === 0n || length >= U64_MAX / 2n)
    throw new Errno('EOVERFLOW', `no place can be chosen for ${hex(length)} bytes`);
  const rounded = length === 1n ? 1n : 1n << BigInt((length - 1n).toString(2).length);
  const bit = source & -source;
  let alignment = source === 0n || rounded < bit ? rounded : bit;
  if (alignment > MAX_ALIGNMENT) alignment = MAX_ALIGNMENT;
  if (alignment < least) {
    throw new Errno('EINVAL', `the source ${hex(source)} is not aligned to ${least} as the address space is`);
  }
  return { length, alignment, offset: source & (PAGE - 1n) };
}

/** The lowest address in [start, last] that fulfils a wish; undefined: none. */
function place({ length, alignment, offset }: Wish, start: bigint, last: bigint): bigint | undefined {
  const raised = start + alignment - 1n;
  if (raised > U64_MAX) return undefined;
  const aligned = (raised & ~(alignment - 1n)) | offset;
  return aligned >= last || last - aligned < length - 1n ? undefined : aligned;
}

/**
 * Finds a place that is neither reserved nor mapped. Address 0 is never chosen.
 * @param allowed undefined: everywhere but the first and the last page; else joined ranges in rising order
 * @param holes what is not reserved, in rising order
 * @param from nothing below is free for such a wish
 * @throws ENOSPC
 */
export function chooseIova(
  wanted: Wish,
  allowed: readonly Range[],
  holes: readonly Range[],
  areas: RangeTree<Area>,
  from: bigint,
): bigint {
  for (let i = firstEnding(allowed, from); i < allowed.length; i++) {
    const range = allowed[i];
    if (!range) break;
    const last = smaller(range.last, U64_MAX - PAGE);
    const first = place(wanted, larger(range.start, PAGE), last);
    if (first === undefined) continue;
    for (let j = firstEnding(holes, first); j < holes.length; j++) {
      const hole = holes[j];
      if (!hole || hole.start > last) break;
      const found = between(wanted, larger(larger(first, hole.start), from), smaller(last, hole.last), areas);
      if (found !== undefined) return found;
    }
  }
  throw new Errno('ENOSPC', `no ${hex(wanted.length)} bytes, aligned to ${hex(wanted.alignment)}, are free`);
}

/** The first place in [start, last] between areas. */
function between(wanted: Wish, start: bigint, last: bigint, areas: RangeTree<Area>): bigint | undefined {
  let at = start;
  while (at <= last) {
    const area = areas.seek(at);
    const end = area && area.start <= last ? area.start - 1n : last;
    const found = end >= at ? place(wanted, at, end) : undefined;
    if (found !== undefined || !area) return found;
    at = area.last + 1n;
  }
  return undefined;
}
