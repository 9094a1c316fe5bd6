import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inside, permittedRanges } from './unit.js';

const hole = fc
  .tuple(fc.nat(300), fc.nat(40))
  .map(([start, more]) => ({ start: BigInt(start), last: BigInt(start + more) }));

describe('permitted I/O virtual addresses', () => {
  test('are the whole width of a unit that reserves nothing', () => {
    expect(permittedRanges({ addressWidth: 39, reserved: [] })).toEqual([{ start: 0n, last: (1n << 39n) - 1n }]);
  });

  test('leave the interrupt window out', () => {
    const reserved = [{ start: 0xfee0_0000n, last: 0xfeef_ffffn }];
    expect(permittedRanges({ addressWidth: 48, reserved })).toEqual([
      { start: 0n, last: 0xfedf_ffffn },
      { start: 0xfef0_0000n, last: (1n << 48n) - 1n },
    ]);
  });

  test('are each address that is in the width and in no hole, in rising order, without touching', () => {
    fc.assert(
      fc.property(fc.array(hole, { maxLength: 6 }), (reserved) => {
        const ranges = permittedRanges({ addressWidth: 8, reserved });
        for (let address = 0n; address < 320n; address++) {
          const free = address < 256n && !reserved.some(({ start, last }) => start <= address && address <= last);
          expect(inside(ranges, address, address)).toBe(free);
        }
        for (const [i, range] of ranges.entries()) {
          expect(range.start <= range.last).toBe(true);
          const next = ranges[i + 1];
          if (next) expect(next.start > range.last + 1n).toBe(true);
        }
      }),
    );
  });

  test('hold a range only if one of them holds all of it', () => {
    const ranges = [
      { start: 0n, last: 9n },
      { start: 10n, last: 19n },
    ];
    expect([inside(ranges, 0n, 9n), inside(ranges, 9n, 10n), inside(ranges, 19n, 20n), inside([], 0n, 0n)]).toEqual([
      ...[true, false, false, false],
    ]);
  });
});
