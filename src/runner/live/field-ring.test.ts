import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldRing, ROOM, type Shape } from './field-ring.js';

const value = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }));
const fields = fc.dictionary(fc.constantFrom('argsz', 'flags', 'iova', 'size', 'data'), value);

test('fields come back as they went in, whatever another struct of their kind had', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fields, fc.constantFrom('MAP', 'UNMAP'))), fc.nat(2 * ROOM), (all, begin) => {
      const ring = new FieldRing();
      ring.next = begin;
      const kept: [number, Shape][] = all.map(([each, kind]) => [ring.next, ring.keep(each, kind)]);
      expect(kept.map(([from, shape]) => ring.read(shape, from))).toEqual(all.map(([each]) => ({ ...each })));
    }),
    { numRuns: 30 },
  );
});
