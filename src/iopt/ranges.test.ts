import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstEnding, joined, ReservedRanges } from './ranges.js';

const U64_MAX = (1n << 64n) - 1n;
const range = fc
  .tuple(fc.nat(200), fc.nat(30))
  .map(([start, more]) => ({ start: BigInt(start), last: BigInt(start + more) }));

describe('reserved ranges', () => {
  test('leave holes: each address is in one of them, or is reserved', () => {
    fc.assert(
      fc.property(fc.array(range, { maxLength: 8 }), range, (all, asked) => {
        const reserved = new ReservedRanges();
        for (const { start, last } of all) reserved.add(start, last, undefined);
        for (let at = 0n; at < 240n; at++) {
          const free = !all.some(({ start, last }) => start <= at && at <= last);
          expect(reserved.holes().some(({ start, last }) => start <= at && at <= last)).toBe(free);
        }
        const touched = all.some(({ start, last }) => start <= asked.last && asked.start <= last);
        expect(reserved.touching(asked) !== undefined).toBe(touched);
      }),
    );
  });

  test('go with their owner, all of them, and no one else’s', () => {
    const reserved = new ReservedRanges();
    const [one, two] = [{}, {}];
    reserved.add(0n, 9n, one);
    reserved.add(5n, 14n, two);
    reserved.add(20n, U64_MAX, one);
    expect(reserved.holes()).toEqual([{ start: 15n, last: 19n }]);
    reserved.remove(one);
    expect(reserved.holes()).toEqual([
      { start: 0n, last: 4n },
      { start: 15n, last: U64_MAX },
    ]);
  });

  test('may reach the last address', () => {
    const reserved = new ReservedRanges();
    reserved.add(1n, U64_MAX, undefined);
    expect(reserved.holes()).toEqual([{ start: 0n, last: 0n }]);
    expect(reserved.touching({ start: U64_MAX, last: U64_MAX })).toBeDefined();
  });
});

test('ranges without a gap between them are one', () => {
  expect(
    joined([
      { start: 0n, last: 4n },
      { start: 5n, last: 9n },
      { start: 11n, last: 12n },
    ]),
  ).toEqual([
    { start: 0n, last: 9n },
    { start: 11n, last: 12n },
  ]);
});

test('the first range that ends at an address or after it is found by halves', () => {
  const ranges = [2n, 6n, 10n].map((start) => ({ start, last: start + 1n }));
  expect([0n, 3n, 4n, 7n, 8n, 12n].map((at) => firstEnding(ranges, at))).toEqual([0, 0, 1, 1, 2, 3]);
});
