/**
 * Where the regions of a device are in its file: the index is in the bits of the offset from 40 on
 * (Linux: VFIO_PCI_OFFSET_SHIFT). Regions 0 to 5 are the BARs.
 */
const OFFSET_SHIFT = 40n;

/** File offset of a region's first byte. */
export function regionOffset(index: number): bigint {
  return BigInt(index) << OFFSET_SHIFT;
}

/** Takes a file offset apart: the region's index, and the offset in it. */
export function splitOffset(position: bigint): { index: number; offset: bigint } {
  return { index: Number(position >> OFFSET_SHIFT), offset: position & ((1n << OFFSET_SHIFT) - 1n) };
}
