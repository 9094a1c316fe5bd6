/** The report of the strict cache model: which address, which DMA, and which flush was missing. */

import type { CpuCaches } from '../../memory/cpu-caches.js';

/** Lines for a person; none if every access was right. */
export function staleReport({ stale, staleCount }: CpuCaches): string[] {
  if (staleCount === 0) return [];
  const lines = stale.map(({ device, kind, iova, address }) =>
    kind === 'device-read'
      ? `  ${device} read old data at address 0x${address.toString(16)} (iova 0x${iova.toString(16)}): no flush between the store and the DMA`
      : `  what ${device} wrote at address 0x${address.toString(16)} was never seen: no flush after the DMA`,
  );
  const more = staleCount - stale.length;
  return [`stale data was met ${staleCount} times:`, ...lines, ...(more > 0 ? [`  and ${more} times more`] : [])];
}
