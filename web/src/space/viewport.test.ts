import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressAt,
  around,
  END,
  EVERYTHING,
  PAGE,
  pan,
  placeOf,
  sizeOf,
  sizeText,
  type Viewport,
  zoom,
} from './viewport.js';

const page = fc.bigInt(0n, END / PAGE - 1n);
const view: fc.Arbitrary<Viewport> = fc.tuple(page, page).map(([a, b]) => {
  const [low, high] = a < b ? [a, b] : [b, a];
  return { first: low * PAGE, last: (high + 1n) * PAGE - 1n };
});
const place = fc.double({ min: 0, max: 1, noNaN: true });

/** Whole pages within the address space. */
function sound({ first, last }: Viewport): void {
  expect(first % PAGE).toBe(0n);
  expect((last + 1n) % PAGE).toBe(0n);
  expect(first >= 0n && last < END && first < last).toBe(true);
}

describe('the line of addresses', () => {
  test('every movement shows whole pages between 0 and 2^64', () => {
    fc.assert(
      fc.property(view, fc.double({ min: 0.01, max: 100, noNaN: true }), place, (v, factor, p) => {
        sound(zoom(v, factor, p));
        sound(pan(v, factor - 50));
        sound(around(v.first, v.last));
      }),
    );
  });

  test('the address under the pointer stays there, to a page and a part in a thousand', () => {
    fc.assert(
      fc.property(view, place, (v, p) => {
        const address = addressAt(v, p);
        const next = zoom(v, 0.5, p);
        const moved = addressAt(next, p) - address;
        const far = moved < 0n ? -moved : moved;
        expect(far <= 2n * PAGE + sizeOf(next) / 1000n).toBe(true);
      }),
    );
  });

  test('a place and its address are inverse, to a part in a million', () => {
    fc.assert(
      fc.property(view, place, (v, p) => {
        expect(Math.abs(placeOf(v, addressAt(v, p)) - p)).toBeLessThan(Math.max(1e-6, 2 / Number(sizeOf(v))));
      }),
    );
  });

  test('it can be looked at from all of 2^64 down to one page', () => {
    let v = EVERYTHING;
    for (let i = 0; i < 60; i++) v = zoom(v, 0.5, 0.3);
    expect(sizeOf(v)).toBe(PAGE);
    for (let i = 0; i < 60; i++) v = zoom(v, 2, 0.7);
    expect(v).toEqual(EVERYTHING);
  });

  test('sizes are told as people say them', () => {
    expect(sizeText(4096n)).toBe('4 KiB');
    expect(sizeText(END)).toBe('16 EiB');
    expect(sizeText(0x1800n)).toBe('6 KiB');
  });
});
