import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { StructureCache } from './structure-cache.js';

const SHIFTS = [9, 18, 27, 36] as const;
const page = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 2 ** 45 }));
const pasid = fc.integer({ min: 0, max: 2 ** 20 - 1 });
const at = (of: number, depth: number): number => Math.floor(of / 2 ** (SHIFTS[depth] as number));

describe('laws of the paging-structure caches', () => {
  test('a lowest table is for its 512 pages and its PASID, until one of them is invalidated', () => {
    const cache = new StructureCache();
    const found = (of: number, who: number) => cache.find(of, who) === 0 && [cache.table, cache.writable];
    cache.insert(512 * 7 + 3, 5, 0, 99, true);
    expect([found(512 * 7, 5), found(512 * 8 - 1, 5)]).toEqual([
      [99, true],
      [99, true],
    ]);
    expect([found(512 * 7 - 1, 5), found(512 * 8, 5), found(512 * 7, 6)]).toEqual(Array(3).fill(false));
    cache.invalidate(5, 512 * 8, 512 * 9);
    cache.invalidate(4);
    expect(found(512 * 7, 5)).toEqual([99, true]);
    cache.invalidate(5, 512 * 8 - 1, 512 * 9);
    expect(found(512 * 7, 5)).toBe(false);
  });

  test('what is found is the lowest table that was put in for the page and the PASID; an invalidation takes all above it', () => {
    const tables = fc.array(fc.record({ page, pasid, depth: fc.integer({ min: 0, max: 3 }), table: fc.nat() }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(tables, page, pasid, fc.nat(600), (put, of, who, more) => {
        const cache = new StructureCache();
        for (const each of put) cache.insert(each.page, each.pasid, each.depth, each.table, false);
        const holds = (depth: number) =>
          put.filter((each) => each.depth === depth && each.pasid === who && at(each.page, depth) === at(of, depth));
        const depth = cache.find(of, who);
        if (depth >= 0) expect(holds(depth).map(({ table }) => table)).toContain(cache.table);
        for (const each of put) {
          cache.invalidate(each.pasid, each.page, each.page + more);
          expect(cache.find(each.page, each.pasid)).toBe(-1);
        }
      }),
    );
  });

  test('entries are kept for the table that was found, the PASID and the parent as it is; not after an invalidation', () => {
    const cache = new StructureCache();
    const target = { alive: true, memory: { read: () => 0, write: () => 0 } };
    let reads = 0;
    const entries = (of: number, who: number, changes: number): number | undefined => {
      cache.find(of, who);
      return cache.entries(of, who, changes, (table, into) => {
        reads++;
        into[0] = table;
        return target;
      })?.[0];
    };
    cache.insert(512, 1, 0, 7, true);
    cache.insert(512, 2, 0, 8, true);
    expect([entries(512, 1, 0), entries(1023, 1, 0), reads]).toEqual([7, 7, 1]);
    expect([entries(512, 2, 0), entries(512, 1, 0), reads]).toEqual([8, 7, 3]);
    expect([entries(512, 1, 1), reads]).toEqual([7, 4]);
    cache.insert(512, 1, 0, 9, true);
    expect([entries(512, 1, 1), reads]).toEqual([9, 5]);
    cache.invalidate(2);
    cache.invalidate(1, 0, 511);
    expect([entries(512, 1, 1), reads]).toEqual([9, 5]);
    cache.invalidate(1, 1023, 1023);
    cache.insert(512, 1, 0, 9, true);
    expect([entries(512, 1, 1), reads]).toEqual([9, 6]);
    target.alive = false;
    expect([entries(512, 1, 1), reads]).toEqual([9, 7]);
  });
});
