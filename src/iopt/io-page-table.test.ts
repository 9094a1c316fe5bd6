import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mappedMemory, RW } from '../../test/mapped-memory.js';
import { refused } from '../../test/refused.js';
import { U64_MAX } from '../abi/address.js';
import { IoPageTable, type TableDomain } from './io-page-table.js';
import { mapSlices, slicesOf } from './map.js';
import { copyMapped, pinPages, unpinPages } from './pinned-access.js';
import { cutAfter, unmapAll, unmapRange } from './unmap.js';

function domain(start: bigint, last: bigint, pageSizes = 4096n): TableDomain {
  return { pageSizes, aperture: { start, last }, forget: () => {} };
}

describe('areas', () => {
  test('map, unmap, cut and copy agree with an array of bytes', () => {
    const SPACE = 64;
    const at = fc.nat(SPACE - 1);
    const length = fc.integer({ min: 1, max: 24 });
    const step = fc.record({ kind: fc.constantFrom('map', 'unmap', 'cut', 'copy', 'auto'), at, length, from: at });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const { map } = mappedMemory(1);
        const table = new IoPageTable();
        table.setLargePages(true);
        // What each address maps: the offset in the page, and the area that it is in.
        const model = new Array<{ offset: number; area: object } | undefined>(SPACE + 24).fill(undefined);
        table.reserve(0x1_0000n, U64_MAX, undefined);
        for (const { kind, at: start, length: size, from } of steps) {
          const range = model.slice(start, start + size);
          if (kind === 'map') {
            const taken = range.some((each) => each);
            expect(refused(() => map(table, BigInt(start), BigInt(from), BigInt(size)))).toBe(taken ? 'EEXIST' : 'ok');
            if (!taken) {
              const area = {};
              for (let i = 0; i < size; i++) model[start + i] = { offset: from + i, area };
            }
          } else if (kind === 'cut') {
            const here = model[start];
            cutAfter(table, BigInt(start));
            // A cut behind the first byte, or at the end, is none.
            const first = model.findIndex((each) => each?.area === here?.area);
            if (here && first !== start) {
              const area = {};
              for (let i = start + 1; model[i]?.area === here.area; i++)
                model[i] = { offset: model[i]?.offset ?? 0, area };
            }
          } else if (kind === 'unmap') {
            const done = unmapRange(table, BigInt(start), BigInt(start + size - 1));
            let bytes = 0;
            for (let i = start; i < start + size; i++) {
              const here = model[i];
              if (!here) continue;
              const members = model.map((each, index) => (each?.area === here.area ? index : -1)).filter((x) => x >= 0);
              if (members.some((index) => index < start || index >= start + size)) break;
              bytes += members.length;
              for (const index of members) model[index] = undefined;
            }
            expect(Number(done.bytes)).toBe(bytes);
          } else if (kind === 'copy') {
            const whole = range.every((each) => each);
            const target = model.slice(from, from + size);
            if (!whole) {
              expect(refused(() => slicesOf(table, BigInt(start), BigInt(size)))).toBe('ENOENT');
              continue;
            }
            const slices = slicesOf(table, BigInt(start), BigInt(size));
            const taken = target.some((each) => each);
            expect(refused(() => mapSlices(table, slices, BigInt(from), 0n, RW))).toBe(taken ? 'EEXIST' : 'ok');
            if (!taken) {
              const copies = new Map<object, object>();
              range.forEach((each, i) => {
                if (!each) return;
                const area = copies.get(each.area) ?? {};
                copies.set(each.area, area);
                model[from + i] = { offset: each.offset, area };
              });
            }
          }
          for (let i = 0; i < model.length; i++) {
            const area = table.areas.at(BigInt(i));
            expect(area !== undefined).toBe(model[i] !== undefined);
            if (area) expect(Number(area.byteOf(BigInt(i)))).toBe(model[i]?.offset);
          }
        }
        expect(unmapAll(table).bytes).toBe(BigInt(model.filter((each) => each).length));
      }),
      { numRuns: 150 },
    );
  });

  test('the chosen address is the lowest that fits: nothing below it would do', () => {
    const { map } = mappedMemory(1);
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(30), { maxLength: 10 }), (lengths, holes) => {
        const table = new IoPageTable();
        const placed: { iova: bigint; length: bigint }[] = [];
        lengths.forEach((pages, i) => {
          if (holes.includes(i) && placed.length > 0) {
            const [gone] = placed.splice(i % placed.length, 1);
            if (gone) unmapRange(table, gone.iova, gone.iova + gone.length - 1n);
          }
          const length = BigInt(pages) * 4096n;
          const iova = map(table, undefined, 0n, length);
          let alignment = 4096n;
          while (alignment < length) alignment *= 2n;
          expect(iova % alignment).toBe(0n);
          for (let lower = alignment; lower < iova; lower += alignment) {
            const taken = placed.some((each) => each.iova < lower + length && lower < each.iova + each.length);
            expect(taken).toBe(true);
          }
          placed.push({ iova, length });
        });
      }),
      { numRuns: 50 },
    );
  });
});

describe('pins', () => {
  test('a page is pinned once, however many areas, domains and accesses of one pages object hold it', () => {
    const { map, pins, memory, base } = mappedMemory();
    memory.write(base, new Uint8Array(16 * 4096).fill(1));
    const table = new IoPageTable();
    map(table, 0x10000n, 0n, 0x4000n);
    mapSlices(table, slicesOf(table, 0x11000n, 0x2000n), 0x20000n, 0n, RW);
    expect(pins(1)).toBe(0);
    const first = domain(0n, U64_MAX);
    const second = domain(0n, U64_MAX);
    table.addDomain(first);
    expect([pins(0), pins(1), pins(3), pins(4)]).toEqual([1, 1, 1, 0]);
    table.addDomain(second);
    pinPages(table, 0x10000n, 0x1000n, true, false);
    expect([pins(0), pins(1)]).toEqual([1, 1]);
    table.removeDomain(first);
    table.removeDomain(second);
    expect([pins(0), pins(1)]).toEqual([1, 0]);
    unpinPages(table, 0x10000n, 0x1000n, false);
    expect(pins(0)).toBe(0);
    map(table, 0x30000n, 0n, 0x1000n);
    table.addDomain(first);
    expect(pins(0)).toBe(2);
    unmapAll(table);
    expect(pins(0)).toBe(0);
  });

  test('a domain that cannot be filled changes nothing', () => {
    const { map, pins, memory, base } = mappedMemory();
    const table = new IoPageTable();
    map(table, 0x10000n, 0n, 0x1000n);
    map(table, 0x20000n, 0x8000n, 0x2000n);
    memory.munmap(base + 0x9000n, 0x1000n);
    expect(refused(() => table.addDomain(domain(0x1000n, 0xffffffffn)))).toBe('EFAULT');
    expect(pins(0)).toBe(0);
    expect([table.alignment, table.domains.length, table.reserved.holes().length]).toEqual([1n, 0, 1]);
  });

  test('what is pinned outlives its mapping, and what is only mapped does not', () => {
    const { map, memory, mm, base } = mappedMemory();
    const table = new IoPageTable();
    map(table, 0x10000n, 0n, 0x2000n);
    memory.write(base, new Uint8Array([7]));
    pinPages(table, 0x10000n, 0x1000n, false, false);
    memory.munmap(base, 0x2000n);
    const bytes = new Uint8Array(1);
    expect(refused(() => copyMapped(table, 0x10000n, bytes, { write: false, mm }))).toBe('EFAULT');
    mm.end();
    copyMapped(table, 0x10000n, bytes, { write: false, mm: undefined });
    expect(bytes[0]).toBe(7);
    expect(refused(() => copyMapped(table, 0x11000n, bytes, { write: false, mm: undefined }))).toBe('EFAULT');
  });
});

describe('alignment', () => {
  test('rises with domains and accesses, refuses where an area stands against it, and falls again', () => {
    const { map } = mappedMemory();
    const table = new IoPageTable();
    const area = map(table, 0x10000n, 0n, 0x800n);
    const small = domain(0n, U64_MAX, 2048n);
    table.addDomain(small);
    expect(table.alignment).toBe(2048n);
    expect(refused(() => table.addAccess({ alignment: 4096n }))).toBe('EADDRINUSE');
    expect(refused(() => map(table, 0x20000n, 0n, 0x400n))).toBe('EINVAL');
    expect(refused(() => map(table, 0x20000n, 0x400n, 0x800n))).toBe('EINVAL');
    unmapRange(table, area, area + 0x7ffn);
    const access = { alignment: 4096n };
    table.addAccess(access);
    table.removeDomain(small);
    expect(table.alignment).toBe(4096n);
    table.removeAccess(access);
    expect(table.alignment).toBe(1n);
  });
});

describe('a million areas', () => {
  test('are mapped, found and unmapped in little time', () => {
    const { map } = mappedMemory(1);
    const table = new IoPageTable();
    const COUNT = 100_000;
    for (let i = 0; i < COUNT; i++) map(table, undefined, 0n, 4096n);
    expect(table.areas.count).toBe(COUNT);
    for (let i = 0; i < COUNT; i += 7) expect(table.areas.at(BigInt(i + 1) * 4096n)).toBeDefined();
    expect(unmapAll(table).bytes).toBe(BigInt(COUNT) * 4096n);
  });
});
