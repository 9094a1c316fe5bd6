import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PinCounts } from './pin-counts.js';

const FRAMES = 40;

describe('pin counts', () => {
  test('agree with an array of counters under any pins and unpins', () => {
    const range = fc.record({ first: fc.nat(FRAMES - 1), frames: fc.integer({ min: 1, max: 12 }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(range, fc.nat(20)), { maxLength: 60 }), (steps) => {
        const counts = new PinCounts();
        const model = new Array<number>(FRAMES + 12).fill(0);
        const held: { first: number; frames: number }[] = [];
        for (const step of steps) {
          const back = typeof step === 'number' ? held.splice(step % Math.max(1, held.length), 1)[0] : undefined;
          const change = typeof step === 'number' ? back : step;
          if (!change) continue;
          const by = typeof step === 'number' ? -1 : 1;
          if (by === 1) held.push(change);
          counts.add(change.first, change.frames, by);
          for (let i = change.first; i < change.first + change.frames; i++) model[i] = (model[i] ?? 0) + by;
          const told: number[] = [];
          counts.forEach(0, model.length, (first, frames, count) => {
            expect(first).toBe(told.length);
            for (let i = 0; i < frames; i++) told.push(count);
          });
          expect(told).toEqual(model);
          expect(counts.any).toBe(model.some((count) => count > 0));
        }
      }),
    );
  });

  test('a frame that is not pinned cannot be unpinned', () => {
    expect(() => new PinCounts().add(3, 1, -1)).toThrow('not pinned');
  });
});
