import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, sumOf, toBase64 } from './bytes.js';
import { Written } from './written.js';

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: 1, maxLength: length });

describe('bytes as text', () => {
  test('are base64 as everybody else has it, and come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect([...fromBase64(toBase64(bytes))]).toEqual([...bytes]);
      }),
    );
  });

  test.each(['abc', 'ab=c', 'a*bc', 'äbcd'])('%s is refused', (text) =>
    expect(() => fromBase64(text)).toThrow(RangeError),
  );

  test('have another sum when one bit is another', () => {
    fc.assert(
      fc.property(bytesOf(600), fc.nat(), fc.nat({ max: 7 }), (bytes, at, bit) => {
        const other = bytes.slice();
        other[at % bytes.length] = (other[at % bytes.length] ?? 0) ^ (1 << bit);
        expect(sumOf(other)).not.toBe(sumOf(bytes));
      }),
    );
  });
});

describe('what a step left in memory', () => {
  test('is the last byte of each place, in runs without gaps, however it was written', () => {
    const write = fc.record({ address: fc.nat({ max: 64 }), bytes: bytesOf(24) });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
        const written = new Written();
        const model = new Map<number, number>();
        for (const { address, bytes } of writes) {
          written.add('mm1', BigInt(address), bytes);
          for (const [i, byte] of bytes.entries()) model.set(address + i, byte);
        }
        const seen = new Map<number, number>();
        let end = -1;
        for (const [target, address, size, bytes] of written.all()) {
          expect(target).toBe('mm1');
          expect(Number(address)).toBeGreaterThan(end);
          end = Number(address) + size;
          for (const [i, byte] of fromBase64(bytes).entries()) seen.set(Number(address) + i, byte);
        }
        expect([...seen].sort(([a], [b]) => a - b)).toEqual([...model].sort(([a], [b]) => a - b));
      }),
    );
  });

  test('is kept as a sum where it is long', () => {
    const written = new Written();
    const bytes = new Uint8Array(2000).fill(7);
    written.add('b1', 0x1000n, bytes);
    expect(written.all()).toEqual([['b1', '0x1000', 2000, `#${sumOf(bytes)}`]]);
  });

  test('does not change when the bytes are used again', () => {
    const written = new Written();
    const bytes = new Uint8Array([1, 2]);
    written.add('mm1', 0n, bytes);
    bytes.fill(9);
    expect(written.all()).toEqual([['mm1', '0x0', 2, toBase64(new Uint8Array([1, 2]))]]);
  });
});
