import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IntervalMap } from './interval-map.js';

type Run = { start: number; pages: number; target: number; tag: number };

function contents(map: IntervalMap): Run[] {
  const runs: Run[] = [];
  for (let more = map.seek(0); more; more = map.next()) {
    runs.push({ start: map.start, pages: map.pages, target: map.target, tag: map.tag });
  }
  return runs;
}

describe('interval map', () => {
  test('agrees with a sorted list of runs under insert, remove, find and overlaps', () => {
    const operation = fc.record({
      insert: fc.boolean(),
      at: fc.integer({ min: 0, max: 3000 }),
      length: fc.integer({ min: 1, max: 6 }),
    });
    // Pages side by side, and so far from each other that few share the 2^30 that a stretch has.
    const step = fc.constantFrom(1, 2 ** 20, 2 ** 28 + 1);
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1500, maxLength: 1500 }), step, (operations, scale) => {
        const map = new IntervalMap();
        let model: Run[] = [];
        for (const [i, { insert, at, length }] of operations.entries()) {
          const [start, pages] = [at * scale, length * scale];
          const last = start + pages - 1;
          const hit = model.filter((r) => r.start <= last && r.start + r.pages > start);
          expect(map.overlaps(start, last)).toBe(hit.length > 0);
          if (insert) {
            if (hit.length > 0) continue;
            map.insert(start, pages, i * 7, i & 0xffff);
            model.push({ start, pages, target: i * 7, tag: i & 0xffff });
            model.sort((a, b) => a.start - b.start);
          } else {
            for (let more = map.seek(start); more && map.start <= last; ) more = map.remove();
            model = model.filter((r) => !hit.includes(r));
          }
          expect(map.count).toBe(model.length);
          const found = model.find((r) => r.start <= start && r.start + r.pages > start);
          expect(map.find(start)).toBe(found !== undefined);
          if (found) expect(map.target).toBe(found.target);
        }
        expect(contents(map)).toEqual(model);
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  test('keeps 40 000 runs in order while runs come and go at random, alone and many at once', () => {
    const map = new IntervalMap();
    const model = new Set<number>();
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return (seed >>> 4) % below;
    };
    for (let i = 0; i < 150_000; i++) {
      const start = random(60_000) * 4;
      const taken = map.overlaps(start, start + 2);
      if (taken !== model.has(start)) throw new Error(`page ${start} after ${i} steps`);
      if (!taken) {
        map.insert(start, 3, start + 1, start & 0xffff);
        model.add(start);
      } else if (random(8) === 0) {
        let left = random(2000) === 0 ? 3000 : 1;
        for (let more = map.seek(start); more && left > 0; left--) {
          expect(model.delete(map.start)).toBe(true);
          more = map.remove();
        }
      }
    }
    expect(model.size).toBeGreaterThan(40_000);
    const runs = [...model].sort((a, b) => a - b);
    expect(contents(map)).toEqual(runs.map((start) => ({ start, pages: 3, target: start + 1, tag: start & 0xffff })));
  });

  test('keeps pages up to 2^52 and lengths up to 2^48-1 exact', () => {
    const map = new IntervalMap();
    map.insert(2 ** 52 - 2 ** 48, 2 ** 48 - 1, 2 ** 52 - 1, 65535);
    expect(map.find(2 ** 52 - 2)).toBe(true);
    expect([map.start, map.pages, map.target, map.tag]).toEqual([2 ** 52 - 2 ** 48, 2 ** 48 - 1, 2 ** 52 - 1, 65535]);
    expect(map.find(2 ** 52 - 1)).toBe(false);
    // Moved by an insertion before it, it is still exact.
    map.insert(1, 1, 1, 1);
    expect(map.find(2 ** 52 - 2)).toBe(true);
    expect([map.start, map.pages, map.target, map.tag]).toEqual([2 ** 52 - 2 ** 48, 2 ** 48 - 1, 2 ** 52 - 1, 65535]);
  });

  test.each([2 ** 30, 2 ** 31])('finds runs that begin and end on either side of page %i', (border) => {
    for (const [start, pages] of [
      [border - 1, 1],
      [border - 1, 2],
      [border - 2, 1],
      [border, 1],
    ] as const) {
      const map = new IntervalMap();
      map.insert(5, 1, 50, 0);
      map.insert(start, pages, 7, 1);
      const pagesFound = [border - 2, border - 1, border, border + 1].filter((page) => map.find(page));
      expect(pagesFound).toEqual(Array.from({ length: pages }, (_, i) => start + i));
      expect(map.overlaps(start, start)).toBe(true);
      expect(map.overlaps(start + pages, start + pages + 5)).toBe(false);
      expect([map.seek(6), map.start, map.remove(), map.count]).toEqual([true, start, false, 1]);
    }
  });

  test('stays below 30 bytes a mapping with 100 000 mappings in random order, and gives memory back', () => {
    const map = new IntervalMap();
    const order = Array.from({ length: 100_000 }, (_, i) => (i * 76_543) % 100_003);
    for (const start of order) map.insert(start * 2, 1, start, 0);
    expect(map.count).toBe(100_000);
    expect(map.bytes / map.count).toBeLessThan(30);
    for (let more = map.seek(0); more; ) more = map.remove();
    expect(map.count).toBe(0);
    expect(map.bytes).toBeLessThan(100_000);
  });
});

test('a map that is filled and emptied over and over holds no more than the first time, and a large one lets go', () => {
  const map = new IntervalMap();
  const fill = (runs: number): number => {
    for (let i = 0; i < runs; i++) map.insert(2 * i, 1, i, 0);
    const { bytes } = map;
    for (let more = map.seek(0); more; ) more = map.remove();
    return bytes;
  };
  const once = fill(1);
  for (let i = 0; i < 100; i++) expect(fill(1)).toBe(once);
  expect(map.bytes).toBeLessThan(2048);
  fill(10_000);
  // Runs over the ends of stretches.
  for (let i = 1; i < 1000; i++) map.insert(i * 2 ** 31 - 2, 3, i, 0);
  expect([map.find(2 ** 31), map.start, map.find(2 ** 31 + 1)]).toEqual([true, 2 ** 31 - 2, false]);
  for (let more = map.seek(0); more; ) more = map.remove();
  expect(map.bytes).toBeLessThan(8192);
  expect([map.count, map.find(0)]).toEqual([0, false]);
});
