/**
 * The BARs that a user reads (linux-vfio.md, 7, BAR sizing): what was written, cut to the size mask, with the type bits
 * that the hardware has. So all ones read back as the size, and a user's address never moves the real BAR.
 */
import type { ConfigFacts } from './hardware.js';
import type { ConfigImage } from './image.js';

const BAR0 = 0x10;
const BAR_END = 0x28;
const ROM = 0x30;
const ROM_ENABLE = 1;
const MEMORY_64BIT = 4;
const PORT = 1;

/** True if the offset, in the first 64 bytes, lies in one of the six BARs or the ROM's. */
export function isBar(offset: number): boolean {
  return (offset >= BAR0 && offset < BAR_END) || (offset >= ROM && offset < ROM + 4);
}

/** Makes the image's BARs look as hardware would after what was written to them. */
export function fixBars(image: ConfigImage, facts: ConfigFacts): void {
  for (let i = 0; i < facts.bars.length; i++) {
    const { size, type } = facts.bars[i] ?? { size: 0, type: 0 };
    const at = BAR0 + 4 * i;
    if (size === 0) {
      image.set(at, 4, 0);
      continue;
    }
    image.set(at, 4, (image.get(at, 4) & (size > 0xffff_ffff ? 0 : -size)) | type);
    if ((type & PORT) !== 0 || (type & MEMORY_64BIT) === 0) continue;
    // The upper half: the bits of the size mask from 32 on.
    i++;
    const mask = Number(BigInt.asUintN(64, -BigInt(size)) >> 32n);
    image.set(at + 4, 4, image.get(at + 4, 4) & mask);
  }
  image.set(ROM, 4, facts.romSize === 0 ? 0 : image.get(ROM, 4) & (-facts.romSize | ROM_ENABLE));
}
