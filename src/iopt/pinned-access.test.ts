import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mappedMemory } from '../../test/mapped-memory.js';
import { refused } from '../../test/refused.js';
import { U64_MAX } from '../abi/address.js';
import { countFrames } from '../memory/backing.js';
import { AREA_READ, AREA_WRITE, type Area } from './area.js';
import { IoPageTable } from './io-page-table.js';
import { copyMapped, pinPages, unpinPages } from './pinned-access.js';
import type { SharedPages } from './shared-pages.js';
import { unmapRange } from './unmap.js';

const PAGE = 4096n;
const IOVA = 0x10_0000n;

/** A process of 8 pages, each filled with its number, and a table. */
function setup() {
  const it = mappedMemory(8);
  const { memory, base } = it;
  for (let page = 0; page < 8; page++) memory.write(base + BigInt(page) * PAGE, new Uint8Array(4096).fill(page));
  const table = new IoPageTable();
  const map = (iova: bigint, offset: bigint, length: bigint, access?: number): SharedPages => {
    it.map(table, iova, offset, length, access);
    return (table.areas.at(iova) as Area).pages;
  };
  return { ...it, table, map };
}

describe('pins of an in-kernel access (linux-iommufd.md, 15)', () => {
  test('are whole pages: EINVAL where a mapping begins or ends within one', () => {
    const { table, map } = setup();
    map(IOVA, 0x800n, 0x1000n);
    expect(refused(() => pinPages(table, IOVA, 0x1000n, false, false))).toBe('EINVAL');
    expect(refused(() => pinPages(table, IOVA + 0x800n, 0x800n, false, false))).toBe('ok');
    expect(refused(() => pinPages(table, IOVA + 0x801n, 0x7ffn, false, false))).toBe('EINVAL');
  });

  test('refuse what is not mapped throughout, empty, beyond 2^64, or against the permission', () => {
    const { table, map } = setup();
    map(IOVA, 0n, 2n * PAGE, AREA_READ);
    map(IOVA + 3n * PAGE, 0n, PAGE, AREA_WRITE);
    const pin = (iova: bigint, length: bigint, write: boolean) =>
      refused(() => pinPages(table, iova, length, write, false));
    expect(pin(IOVA, 3n * PAGE, false)).toBe('ENOENT');
    expect(pin(IOVA + 8n * PAGE, PAGE, false)).toBe('ENOENT');
    expect(pin(IOVA, 0n, false)).toBe('EINVAL');
    expect(pin(U64_MAX - 10n, 100n, false)).toBe('EOVERFLOW');
    expect(pin(IOVA, PAGE, true)).toBe('EPERM');
    expect(pin(IOVA + 3n * PAGE, PAGE, false)).toBe('EPERM');
  });

  test('of a range that cannot be pinned to its end leave nothing behind', () => {
    const { table, map, memory, base } = setup();
    const first = map(IOVA, 0n, 2n * PAGE);
    const second = map(IOVA + 2n * PAGE, 4n * PAGE, 2n * PAGE);
    memory.munmap(base + 5n * PAGE, PAGE);
    expect(refused(() => pinPages(table, IOVA, 4n * PAGE, true, true))).toBe('EFAULT');
    expect([first.pinnedPages, second.pinnedPages]).toEqual([0, 0]);
    expect([...table.areas].map(({ pins, locks }) => [pins, locks])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test('that lock refuse unmapping: EBUSY until they are dropped', () => {
    const { table, map } = setup();
    map(IOVA, 0n, 2n * PAGE);
    const frames = pinPages(table, IOVA + PAGE, PAGE, true, true);
    expect(countFrames(frames)).toBe(1);
    expect(unmapRange(table, IOVA, IOVA + 2n * PAGE - 1n).error?.code).toBe('EBUSY');
    unpinPages(table, IOVA + PAGE, PAGE, true);
    expect(unmapRange(table, IOVA, IOVA + 2n * PAGE - 1n)).toMatchObject({ bytes: 2n * PAGE, error: undefined });
  });
});

describe('copies through mappings', () => {
  test('move what an array of bytes would, across mappings that touch', () => {
    const range = fc.tuple(fc.nat(4 * 4096 - 1), fc.integer({ min: 1, max: 6000 }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(range, fc.boolean(), fc.nat(255)), { maxLength: 12 }),
        fc.boolean(),
        (steps, own) => {
          const { table, map, mm } = setup();
          map(IOVA, 5n * PAGE, 2n * PAGE);
          map(IOVA + 2n * PAGE, PAGE, 2n * PAGE);
          const model = new Uint8Array(4 * 4096);
          [5, 6, 1, 2].forEach((page, i) => {
            model.fill(page, i * 4096, (i + 1) * 4096);
          });
          const options = { mm: own ? mm : undefined };
          for (const [[at, wanted], write, fill] of steps) {
            const size = Math.min(wanted, model.length - at);
            const bytes = new Uint8Array(size).fill(fill);
            copyMapped(table, IOVA + BigInt(at), bytes, { ...options, write });
            if (write) model.fill(fill, at, at + size);
            else expect(Buffer.compare(bytes, model.subarray(at, at + size))).toBe(0);
          }
          const all = new Uint8Array(model.length);
          copyMapped(table, IOVA, all, { ...options, write: false });
          expect(Buffer.compare(all, model)).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('need no whole pages, and keep no pins', () => {
    const { table, map } = setup();
    const pages = map(IOVA, 0x7ffn, 0x1002n);
    const bytes = new Uint8Array(0x1002);
    copyMapped(table, IOVA, bytes, { write: false, mm: undefined });
    expect([bytes[0], bytes[1], bytes.at(-1), pages.pinnedPages]).toEqual([0, 0, 1, 0]);
  });

  test('stop at a hole, and what was copied before it stays', () => {
    const { table, map, memory, base } = setup();
    map(IOVA, 0n, PAGE);
    const bytes = new Uint8Array(2 * 4096).fill(9);
    expect(refused(() => copyMapped(table, IOVA, bytes, { write: true, mm: undefined }))).toBe('ENOENT');
    const first = new Uint8Array(1);
    memory.read(base, first);
    expect(first[0]).toBe(9);
  });
});
