/** IOMMU units: what one remapping unit of the machine can do (Intel VT-d specification, chapter 11, ECAP and CAP). */

import type { CpuCaches } from '../memory/cpu-caches.js';

/** Inclusive range of I/O virtual addresses, bytes. */
export interface IovaRange {
  readonly start: bigint;
  readonly last: bigint;
}

export interface IommuUnit {
  /** The CPU caches that no-snoop requests pass by, where the machine models them. */
  caches?: CpuCaches;
  readonly name: string;
  /** Position in the machine; what IOASID_DEVICE_GET_INFO calls `iommu`. */
  readonly index: number;
  /** It can turn no-snoop requests into snooped ones (VT-d: Snoop Control). */
  readonly enforcesSnoop: boolean;
  /** Levels of nesting that it can translate itself; 0: none. */
  readonly hardwareNesting: number;
  /** Levels of nesting that software merges for it; 0: none. */
  readonly softwareNesting: number;
  /** Width of a PASID in bits, 0 to 20; 0: no PASID. */
  readonly pasidBits: number;
  /** Width of an I/O virtual address in bits, 12 to 57. */
  readonly addressWidth: number;
  /** Bitmap of page sizes in bytes; 4096 is always there. */
  readonly pageSizes: bigint;
  /** Bitmap of the formats of user page tables (IOASID_PGTABLE_*). */
  readonly tableFormats: bigint;
  /** It can tell which pages devices wrote. */
  readonly dirtyTracking: boolean;
  /** Addresses that never go through translation: the interrupt window of x86. */
  readonly reserved: readonly IovaRange[];
}

/** True if one of the ranges holds all of [start, last]. */
export function inside(ranges: readonly IovaRange[], start: bigint, last: bigint): boolean {
  return ranges.some((range) => range.start <= start && last <= range.last);
}

/** The permitted I/O virtual addresses of a unit: the whole width without the reserved ranges, in rising order. */
export function permittedRanges(unit: Pick<IommuUnit, 'addressWidth' | 'reserved'>): IovaRange[] {
  const end = 1n << BigInt(unit.addressWidth);
  const ranges: IovaRange[] = [];
  let start = 0n;
  for (const hole of [...unit.reserved].sort((a, b) => (a.start < b.start ? -1 : 1))) {
    if (hole.start >= end) break;
    if (hole.start > start) ranges.push({ start, last: hole.start - 1n });
    if (hole.last >= start) start = hole.last + 1n;
  }
  if (start < end) ranges.push({ start, last: end - 1n });
  return ranges;
}
