/** An address as a fuzzer can guess it: the number of an area in the low half, an offset in the high half. */
import type { IoPageTable } from '../../iopt/io-page-table.js';

/** @returns the I/O virtual address; 0 if there is no such area */
export function nthArea(table: IoPageTable, packed: bigint): bigint {
  let left = packed & 0xffff_ffffn;
  for (const area of table.areas) {
    if (left === 0n) return BigInt.asUintN(64, area.start + (packed >> 32n));
    left--;
  }
  return 0n;
}
