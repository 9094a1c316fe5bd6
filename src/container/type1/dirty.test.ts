import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { Mm } from '../../memory/mm.js';
import { SimulatedMemory } from '../../memory/simulated-memory.js';
import { checkBitmapSize, checkTrackable, MAX_BITMAP_BYTES, MAX_TRACKED_PAGES, writeDirty } from './dirty.js';
import type { DmaMapping } from './mappings.js';

const memory = new SimulatedMemory();
const mm = new Mm(memory);
const mapping = (first: number, pages: number): DmaMapping => ({
  ...{ first, pages, read: true, write: true, vaddr: 0n, vaddrInvalid: false, mm, runs: [], charged: pages },
});

describe('a container’s dirty bitmap (linux-vfio.md, 4.5)', () => {
  test.each([
    [64n, 8n, 'ok'],
    [65n, 8n, 'EINVAL'],
    [65n, 16n, 'ok'],
    [0n, 8n, 'EINVAL'],
    [1n, 0n, 'EINVAL'],
    [1n, BigInt(MAX_BITMAP_BYTES), 'ok'],
    [1n, BigInt(MAX_BITMAP_BYTES) + 1n, 'EINVAL'],
  ] as const)('for %i pages with %i bytes: %s', (pages, size, answer) => {
    expect(refused(() => checkBitmapSize(pages, size))).toBe(answer);
  });

  test('has the bits of mapped pages set, and leaves the others as they were', () => {
    const address = memory.mmap(4096);
    memory.write(address, new Uint8Array([0, 0x80, 0, 0, 1]));
    writeDirty(mm, { pageSize: 4096n, size: 8n, address }, 100, [mapping(103, 2), mapping(107, 19)]);
    const bytes = new Uint8Array(5);
    memory.read(address, bytes);
    expect([...bytes]).toEqual([0b1001_1000, 0xff, 0xff, 0b11, 1]);
  });

  test('that cannot be written is EFAULT', () => {
    const bitmap = { pageSize: 4096n, size: 8n, address: 0n };
    expect(refused(() => writeDirty(mm, bitmap, 0, [mapping(0, 1)]))).toBe('EFAULT');
  });

  test('cannot describe a mapping of more pages than an int counts', () => {
    expect(refused(() => checkTrackable([mapping(0, MAX_TRACKED_PAGES)]))).toBe('ok');
    expect(refused(() => checkTrackable([mapping(0, MAX_TRACKED_PAGES + 1)]))).toBe('EINVAL');
  });
});
