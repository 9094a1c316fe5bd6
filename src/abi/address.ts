/**
 * Address arithmetic, once: pages, inclusive ranges, and what happens at the end of the 64-bit space.
 *
 * Two rules are in use where a range ends exactly at 2^64, and each call has one of them (address.test.ts lists them):
 * `sumWraps` is C's `start + size` and refuses such a range; `lastWraps` is C's `start + size - 1` and takes it.
 */

/** A page of the host, as a power of two. */
export const PAGE_SHIFT = 12;
/** Size of a page of the host, bytes. */
export const PAGE_SIZE = 4096;
/** The biggest 64-bit value: ULONG_MAX of C. */
export const U64_MAX: bigint = (1n << 64n) - 1n;

const SHIFT = BigInt(PAGE_SHIFT);
const OFFSET = BigInt(PAGE_SIZE - 1);

/** An address, size or 64-bit value as a reader of a trace expects it. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** The larger of two 64-bit values. */
export function larger(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/** The smaller of two 64-bit values. */
export function smaller(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** `start + size` wraps: a range that ends exactly at 2^64 does. @param size bytes */
export function sumWraps(start: bigint, size: bigint): boolean {
  return start + size > U64_MAX;
}

/** `start + size - 1` wraps: a range that ends exactly at 2^64 does not. @param size bytes, more than 0 */
export function lastWraps(start: bigint, size: bigint): boolean {
  return start + size - 1n > U64_MAX;
}

/** The last address of a range. @param size bytes, more than 0; the caller has seen that it does not wrap */
export function last(start: bigint, size: bigint): bigint {
  return start + size - 1n;
}

/** The page-frame number of an address. Exact: at most 52 bits are left. */
export function pageOf(address: bigint): number {
  return Number(address >> SHIFT);
}

/** The address of a page-frame number, bytes. */
export function addressOfPage(page: number): bigint {
  return BigInt(page) << SHIFT;
}

/** Bytes from the start of its page, 0 to 4095. */
export function offsetInPage(address: bigint): number {
  return Number(address & OFFSET);
}

/** It is a multiple of the page size. */
export function isPageAligned(value: bigint): boolean {
  return (value & OFFSET) === 0n;
}

/** Pages that a range touches. @param size bytes */
export function pagesTouched(start: bigint, size: bigint): number {
  return size === 0n ? 0 : pageOf(last(start, size)) - pageOf(start) + 1;
}
