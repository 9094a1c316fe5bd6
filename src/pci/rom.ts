/**
 * The expansion ROM of a function (PCI Firmware Specification 3.0, 5.1): an image that begins with 55 AA and names the
 * function in its PCI data structure, in a BAR that may be larger. Behind the image the BAR reads as ones.
 */
import type { PciIdentity } from './config/layout.js';

export interface ExpansionRom {
  /** Of the BAR, bytes: a power of two from 2 KiB on. */
  readonly size: number;
  readonly image: Uint8Array;
}

/** Images are counted in units of so many bytes. */
const UNIT = 512;
const UNITS = 2;
/** Where the header points to the data structure, and where that is. */
const POINTER = 0x18;
const STRUCTURE = 0x1c;
const STRUCTURE_SIZE = 0x18;
const SIGNATURE = [0x50, 0x43, 0x49, 0x52];
const LAST_IMAGE = 0x80;

/** A ROM with an image of 1 KiB that has no code, and whose bytes add up to zero. @param size of the BAR */
export function expansionRom({ vendor, device, classCode }: PciIdentity, size: number): ExpansionRom {
  const image = new Uint8Array(UNITS * UNIT);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0xaa55, true);
  view.setUint8(2, UNITS);
  view.setUint16(POINTER, STRUCTURE, true);
  image.set(SIGNATURE, STRUCTURE);
  view.setUint16(STRUCTURE + 4, vendor, true);
  view.setUint16(STRUCTURE + 6, device, true);
  view.setUint16(STRUCTURE + 0x0a, STRUCTURE_SIZE, true);
  view.setUint8(STRUCTURE + 0x0d, classCode & 0xff);
  view.setUint16(STRUCTURE + 0x0e, classCode >> 8, true);
  view.setUint16(STRUCTURE + 0x10, UNITS, true);
  view.setUint8(STRUCTURE + 0x15, LAST_IMAGE);
  const sum = image.reduce((all, byte) => (all + byte) & 0xff, 0);
  image[image.length - 1] = (0x100 - sum) & 0xff;
  return { size, image };
}

/** Reads bytes of the ROM's BAR, all of them inside. */
export function readRom({ image }: ExpansionRom, offset: number, into: Uint8Array): void {
  into.fill(0xff);
  into.set(image.subarray(offset, offset + into.length));
}
