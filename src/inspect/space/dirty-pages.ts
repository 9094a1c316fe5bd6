/** Dirty pages as ranges, for a picture: pages that follow each other are one range. */
import { addressOfPage, hex, pageOf } from '../../abi/address.js';
import type { Range } from '../source.js';

/** Pages that one answer tells. */
const MAX_DIRTY = 4096;

/** Calls back for every dirty page of [start, start+count), in any order. */
export type EachDirty = (start: number, count: number, visit: (page: number) => void) => void;

/** @param first @param last addresses, bytes */
export function dirtyRanges(each: EachDirty, first: bigint, last: bigint): Range[] {
  const ranges: Range[] = [];
  const pages: number[] = [];
  const start = pageOf(first);
  each(start, pageOf(last) - start + 1, (page) => {
    if (pages.length < MAX_DIRTY) pages.push(page);
  });
  pages.sort((a, b) => a - b);
  for (let i = 0; i < pages.length; ) {
    let end = i + 1;
    while ((pages[end] ?? -1) - (pages[end - 1] as number) <= 1 && end < pages.length) end++;
    const from = addressOfPage(pages[i] as number);
    ranges.push({ first: hex(from), last: hex(addressOfPage((pages[end - 1] as number) + 1) - 1n) });
    i = end;
  }
  return ranges;
}
