/** Sizes as machine files write them. Apart from the schema, so that a booted machine needs no schema library. */

/** A size as `64K`, `64M` or `1G`, or a number of bytes. */
export const SIZE = /^(\d+)([KMG])?$/;
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes that a size means. @param text digits, and K, M or G */
export function bytesOf(text: string | number): number {
  const match = SIZE.exec(String(text));
  return Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? 1);
}
