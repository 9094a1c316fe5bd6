/**
 * A piece of an address space for a picture of it: the mappings themselves while there are few, else one answer a
 * column. A column costs two searches, whatever lies in it: a million mappings are as quick to look at as ten.
 */
import type { MappedRun } from './source.js';

/** Mappings that are told one by one; more become columns. */
export const MAX_RUNS = 2000;
const MAX_COLUMNS = 8192;
const PAGE_SHIFT = 12n;
const PAGE_MASK = (1n << PAGE_SHIFT) - 1n;

/** A walk over disjoint runs of pages in rising order, as iommu/interval-map.ts has it. */
export interface RunCursor {
  readonly count: number;
  readonly start: number;
  readonly pages: number;
  readonly target: number;
  readonly tag: number;
  /** Goes to the first run that ends after a page; false if there is none. */
  seek(page: number): boolean;
  next(): boolean;
}

/** What the tag of a run says. */
export type Describe = (tag: number) => Pick<MappedRun, 'access' | 'owner'>;

export interface RunsOrColumns {
  readonly runs?: readonly MappedRun[];
  readonly columns?: readonly number[];
}

const address = (page: number): string => `0x${(BigInt(page) << PAGE_SHIFT).toString(16)}`;
const lastOf = (page: number, pages: number): string => `0x${((BigInt(page + pages) << PAGE_SHIFT) - 1n).toString(16)}`;

/**
 * What is mapped in [first, last].
 * @param first @param last addresses, bytes, 0 to 2^64-1
 * @param wanted columns to answer if there are more than MAX_RUNS mappings; at most 8192
 */
export function lookAt(map: RunCursor, first: bigint, last: bigint, wanted: number, describe: Describe): RunsOrColumns {
  const lastPage = Number(last >> PAGE_SHIFT);
  const runs: MappedRun[] = [];
  for (let more = map.seek(Number(first >> PAGE_SHIFT)); more && map.start <= lastPage; more = map.next()) {
    if (runs.length === MAX_RUNS) return { columns: columnsOf(map, first, last, wanted) };
    const { start, pages, target, tag } = map;
    const described = describe(tag);
    runs.push({ first: address(start), last: lastOf(start, pages), target: address(target), ...described });
  }
  return { runs };
}

function columnsOf(map: RunCursor, first: bigint, last: bigint, wanted: number): number[] {
  const size = last - first + 1n;
  const pages = (size + PAGE_MASK) >> PAGE_SHIFT;
  const count = Math.max(1, Math.min(Math.floor(wanted), MAX_COLUMNS));
  const columns: number[] = [];
  for (let i = 0; i < count; i++) {
    const from = Number((first >> PAGE_SHIFT) + (pages * BigInt(i)) / BigInt(count));
    const to = Number((first >> PAGE_SHIFT) + (pages * BigInt(i + 1) - 1n) / BigInt(count));
    columns.push(!map.seek(from) || map.start > to ? 0 : full(map, from, Math.max(from, to)) ? 2 : 1);
  }
  return columns;
}

/** Runs that a column is followed through before it counts as not full. */
const FOLLOWED = 64;

/** Do the runs from the cursor on cover the pages [from, to] without a hole? */
function full(map: RunCursor, from: number, to: number): boolean {
  let at = from;
  for (let followed = 0; followed < FOLLOWED; followed++) {
    if (map.start > at) return false;
    at = map.start + map.pages;
    if (at > to) return true;
    if (!map.next()) return false;
  }
  return false;
}
