import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntervalMap } from '../memory/intervals/interval-map.js';
import { lookAt, MAX_RUNS } from './window.js';

const describeTag = (tag: number) => ({ access: tag & 1 ? 'r' : 'w', owner: tag >>> 1 });
const END = (1n << 64n) - 1n;

describe('a window of an address space', () => {
  test('few mappings are told one by one, with their whole extent', () => {
    const map = new IntervalMap();
    map.insert(0x10, 2, 0x700, 1);
    map.insert(0x20, 1, 0x900, 2);
    expect(lookAt(map, 0x11000n, 0x11fffn, 100, describeTag).runs).toEqual([
      { first: '0x10000', last: '0x11fff', target: '0x700000', access: 'r', owner: 0 },
    ]);
    expect(lookAt(map, 0n, END, 100, describeTag).runs).toHaveLength(2);
    expect(lookAt(map, 0x12000n, 0x1ffffn, 100, describeTag).runs).toEqual([]);
  });

  test('many become columns, which say none, some or all, as counting pages does', () => {
    const run = fc.record({ hole: fc.nat(5), pages: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(
        fc.array(run, { minLength: MAX_RUNS + 200, maxLength: MAX_RUNS + 400 }),
        fc.integer({ min: 1, max: 300 }),
        (runs, wanted) => {
          const map = new IntervalMap();
          const mapped: boolean[] = [];
          for (const { hole, pages } of runs) {
            for (let i = 0; i < hole; i++) mapped.push(false);
            map.insert(mapped.length, pages, 0, 1);
            for (let i = 0; i < pages; i++) mapped.push(true);
          }
          const last = BigInt(mapped.length) * 4096n - 1n;
          const { columns = [] } = lookAt(map, 0n, last, wanted, describeTag);
          expect(columns).toHaveLength(wanted);
          columns.forEach((value, i) => {
            const [from, to] = [
              Math.floor((mapped.length * i) / wanted),
              Math.floor((mapped.length * (i + 1) - 1) / wanted),
            ];
            const there = mapped.slice(from, Math.max(from, to) + 1);
            // A column that needs too many runs to be full counts as some.
            if (value === 2 || !there.every(Boolean))
              expect(value).toBe(there.every(Boolean) ? 2 : there.some(Boolean) ? 1 : 0);
            else expect(value).toBe(1);
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  test('a million mappings are looked at by searches, not by walking: fewer than 70 steps a column', () => {
    const map = new IntervalMap();
    for (let i = 0; i < 1_000_000; i++) map.insert(i * 4, 2, i, 1);
    let steps = 0;
    const counted = {
      get count() {
        return map.count;
      },
      get start() {
        return map.start;
      },
      get pages() {
        return map.pages;
      },
      get target() {
        return map.target;
      },
      get tag() {
        return map.tag;
      },
      seek: (page: number) => {
        steps++;
        return map.seek(page);
      },
      next: () => {
        steps++;
        return map.next();
      },
    };
    const { columns } = lookAt(counted, 0n, 0x3ffffffffn, 1000, describeTag);
    expect(columns).toHaveLength(1000);
    expect(steps).toBeLessThan(MAX_RUNS + 70 * 1000);
  });
});
