import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DirtyBitmap } from './dirty-bitmap.js';

const around = fc
  .constantFrom(0, 2 ** 15, 2 ** 20, 2 ** 45)
  .chain((base) => fc.integer({ min: 0, max: 80 }).map((n) => base + n));
const range = fc.record({ first: around, count: fc.oneof(fc.nat(70), fc.constantFrom(2 ** 15, 2 ** 46)) });
const act = fc.record({ clear: fc.boolean(), range });

test('a sparse bitmap holds the pages that a set would hold, wherever they are and however wide the question', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 20 }), range, (acts, asked) => {
      const bitmap = new DirtyBitmap();
      const pages = new Set<number>();
      for (const {
        clear,
        range: { first, count },
      } of acts) {
        if (clear) {
          bitmap.clear(first, count);
          for (const page of [...pages]) if (page >= first && page < first + count) pages.delete(page);
        } else {
          const few = Math.min(count, 70);
          bitmap.mark(first, few);
          for (let page = first; page < first + few; page++) pages.add(page);
        }
      }
      const seen: number[] = [];
      bitmap.forEach(asked.first, asked.count, (page) => seen.push(page));
      const wanted = [...pages].filter((page) => page >= asked.first && page < asked.first + asked.count);
      expect(seen.sort((a, b) => a - b)).toEqual(wanted.sort((a, b) => a - b));
    }),
  );
});
