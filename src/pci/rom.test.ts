import { expect, test } from 'vitest';
import { expansionRom, readRom } from './rom.js';

test('an image names its function, and its bytes add up to zero', () => {
  const { image } = expansionRom(
    { vendor: 0x1234, device: 0x5678, subsystemVendor: 0, subsystem: 0, classCode: 0x020001, revision: 0 },
    65536,
  );
  const view = new DataView(image.buffer);
  const at = view.getUint16(0x18, true);
  expect(view.getUint16(0, true)).toBe(0xaa55);
  expect(String.fromCharCode(...image.subarray(at, at + 4))).toBe('PCIR');
  expect([view.getUint16(at + 4, true), view.getUint16(at + 6, true)]).toEqual([0x1234, 0x5678]);
  expect([...image.subarray(at + 0x0d, at + 0x10)]).toEqual([1, 0, 2]);
  expect(view.getUint16(at + 0x10, true) * 512).toBe(image.length);
  expect(image.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
});

test('behind the image the BAR reads as ones', () => {
  const rom = { size: 2048, image: new Uint8Array([1, 2, 3]) };
  const bytes = new Uint8Array(4);
  readRom(rom, 1, bytes);
  expect([...bytes]).toEqual([2, 3, 0xff, 0xff]);
  readRom(rom, 1000, bytes);
  expect([...bytes]).toEqual([0xff, 0xff, 0xff, 0xff]);
});
