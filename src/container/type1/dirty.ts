/**
 * Dirty pages of a container (linux-vfio.md, 4.5). The functions of these groups tell nothing of what they wrote, so every
 * mapped page counts as dirty each time it is asked for.
 */
import { hex, PAGE_SHIFT } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { Mm } from '../../memory/mm.js';
import { type DmaMapping, lastPage } from './mappings.js';

/** Most bytes of a bitmap. */
export const MAX_BITMAP_BYTES = 1 << 28;
/** Most pages of a mapping that a bitmap can describe. */
export const MAX_TRACKED_PAGES = 2 ** 31 - 1;

/** A user's bitmap: one bit a page. */
export interface UserBitmap {
  /** Bytes of a page that one bit stands for. */
  readonly pageSize: bigint;
  /** Bytes of the bitmap. */
  readonly size: bigint;
  readonly address: bigint;
}

/**
 * Judges the size of a bitmap for some pages.
 * @throws EINVAL
 */
export function checkBitmapSize(pages: bigint, size: bigint): void {
  const needed = ((pages + 63n) / 64n) * 8n;
  if (pages === 0n || size === 0n || size > BigInt(MAX_BITMAP_BYTES) || size < needed) {
    throw new Errno(
      'EINVAL',
      `a bitmap of ${size} bytes for ${pages} pages: ${needed} to ${MAX_BITMAP_BYTES} are possible`,
    );
  }
}

/**
 * Sets the bits of mapped pages; other bits of the user's bitmap stay.
 * @param first page that bit 0 stands for
 * @throws EFAULT
 */
export function writeDirty(mm: Mm, bitmap: UserBitmap, first: number, mappings: readonly DmaMapping[]): void {
  for (const mapping of mappings) {
    const from = mapping.first - first;
    const to = lastPage(mapping) - first;
    const start = Math.floor(from / 8);
    const bytes = new Uint8Array(Math.floor(to / 8) - start + 1);
    mm.copyIn(bitmap.address + BigInt(start), bytes);
    for (let bit = from; bit <= to; ) {
      if (bit % 8 === 0 && bit + 7 <= to) {
        bytes[bit / 8 - start] = 0xff;
        bit += 8;
      } else {
        const at = Math.floor(bit / 8) - start;
        bytes[at] = (bytes[at] ?? 0) | (1 << (bit % 8));
        bit++;
      }
    }
    mm.copyOut(bitmap.address + BigInt(start), bytes);
  }
}

/** @throws EINVAL a mapping is too long to be tracked */
export function checkTrackable(mappings: Iterable<DmaMapping>): void {
  for (const { first, pages } of mappings) {
    if (pages > MAX_TRACKED_PAGES) {
      throw new Errno(
        'EINVAL',
        `the mapping at ${hex(BigInt(first) << BigInt(PAGE_SHIFT))} has ${pages} pages: too many`,
      );
    }
  }
}
