/** Words of a machine file and what they mean. */

export const PAGE_SIZES = ['4K', '16K', '64K', '2M', '4M', '1G', '512G'] as const;
/** In the order of IOASID_PGTABLE_*. */
export const PAGE_TABLES = ['x86-64-4level', 'x86-64-5level'] as const;

const SHIFT: Readonly<Record<string, bigint>> = { K: 10n, M: 20n, G: 30n };

/** `4K` to 4096. */
export function pageSize(text: string): bigint {
  return BigInt(text.slice(0, -1)) << (SHIFT[text.slice(-1)] ?? 0n);
}
