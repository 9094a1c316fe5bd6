import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BlockStore, type Done, flushAll, MemoryStore } from './block-store.js';

describe('a disk in memory', () => {
  test('reads what was written last, and zero where nothing was', () => {
    const SIZE = 200_000;
    const step = fc.record({
      kind: fc.constantFrom('write', 'zero', 'read', 'peek'),
      at: fc.nat(SIZE - 1),
      size: fc.integer({ min: 0, max: 140_000 }),
      fill: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const store = new MemoryStore(SIZE);
        const model = new Uint8Array(SIZE);
        for (const { kind, at, size: wanted, fill } of steps) {
          const size = Math.min(wanted, SIZE - at);
          if (kind === 'write') {
            store.write(at, new Uint8Array(size).fill(fill));
            model.fill(fill, at, at + size);
          } else if (kind === 'zero') {
            store.zero(at, size);
            model.fill(0, at, at + size);
          } else {
            const bytes = new Uint8Array(size).fill(0xa5);
            if (kind === 'read') store.read(at, bytes);
            const got = kind === 'read' ? bytes : Buffer.concat(store.peek(at, size));
            expect(Buffer.compare(got, model.subarray(at, at + size))).toBe(0);
          }
        }
      }),
      { numRuns: 80 },
    );
  });
});

/** A store that is flushed when the test says so. */
function slow() {
  const waiting: Done[] = [];
  const store: BlockStore = {
    size: 512,
    read() {},
    write() {},
    zero() {},
    flush: (done) => {
      waiting.push(done);
    },
  };
  return { store, waiting };
}

describe('several stores are flushed', () => {
  test('once the last one is, with the first error', () => {
    const [a, b, c] = [slow(), slow(), slow()];
    const told: (Error | undefined)[] = [];
    flushAll([a.store, b.store, c.store], (error) => told.push(error));
    b.waiting[0]?.(new Error('the disk is full'));
    c.waiting[0]?.(new Error('the disk is gone'));
    expect(told).toEqual([]);
    a.waiting[0]?.();
    expect(told.map((error) => error?.message)).toEqual(['the disk is full']);
  });
});
