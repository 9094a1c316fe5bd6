import fc from 'fast-check';
import { expect, test } from 'vitest';
import { panAxis, ticks, timeText, zoomAxis } from './axis.js';

const axis = fc
  .tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0.1, max: 1e6, noNaN: true }))
  .map(([from, length]) => ({
    from,
    to: from + length,
  }));

test('the marks of an axis lie on it, rise, and are no more than asked for', () => {
  fc.assert(
    fc.property(axis, fc.integer({ min: 1, max: 20 }), (it, most) => {
      const found = ticks(it, most);
      expect(found.length).toBeLessThanOrEqual(most + 1);
      expect(
        found.every(
          (time, i) => time >= it.from - 1e-6 && time <= it.to && (i === 0 || time > (found[i - 1] as number)),
        ),
      ).toBe(true);
    }),
  );
});

test('zooming keeps the time under the pointer, panning the length', () => {
  fc.assert(
    fc.property(axis, fc.double({ min: 0, max: 1, noNaN: true }), (it, place) => {
      const under = it.from + (it.to - it.from) * place;
      const closer = zoomAxis(it, 0.5, place);
      expect(closer.from + (closer.to - closer.from) * place).toBeCloseTo(under, 3);
      const moved = panAxis(it, 0.3);
      expect(moved.to - moved.from).toBeCloseTo(it.to - it.from, 3);
    }),
  );
});

test('times are told in milliseconds, and long ones in seconds', () => {
  expect(timeText(12.3456)).toBe('12.346 ms');
  expect(timeText(61_500)).toBe('61.5 s');
});
