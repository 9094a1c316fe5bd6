import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Range, RangeTree } from './range-tree.js';

/** The same with a list that is searched from its start. */
class List {
  ranges: Range[] = [];

  seek(address: bigint): Range | undefined {
    return this.ranges.filter(({ last }) => last >= address).sort((a, b) => (a.start < b.start ? -1 : 1))[0];
  }

  at(address: bigint): Range | undefined {
    return this.ranges.find(({ start, last }) => start <= address && address <= last);
  }

  touching(start: bigint, last: bigint): Range | undefined {
    const found = this.seek(start);
    return found && found.start <= last ? found : undefined;
  }
}

const step = fc.record({
  op: fc.constantFrom('insert', 'insert', 'insert', 'remove'),
  start: fc.integer({ min: 0, max: 2000 }).map(BigInt),
  length: fc.integer({ min: 1, max: 6 }).map(BigInt),
});

describe('a tree of ranges', () => {
  it('answers as a list does that is searched from its start', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const tree = new RangeTree<Range>();
        const list = new List();
        for (const { op, start, length } of steps) {
          const last = start + length - 1n;
          const touched = tree.touching(start, last);
          expect(touched).toBe(list.touching(start, last));
          if (op === 'insert' && !touched) {
            const range = { start, last };
            tree.insert(range);
            list.ranges.push(range);
          } else if (op === 'remove' && touched) {
            tree.remove(touched);
            list.ranges = list.ranges.filter((each) => each !== touched);
          }
          expect(tree.seek(start)).toBe(list.seek(start));
          expect(tree.at(last)).toBe(list.at(last));
          expect(tree.count).toBe(list.ranges.length);
        }
        expect([...tree]).toEqual(list.ranges.sort((a, b) => (a.start < b.start ? -1 : 1)));
      }),
      { numRuns: 20 },
    );
  });

  it('keeps order through many leaves: rising, falling, and from the middle', () => {
    const rising = Array.from({ length: 500 }, (_, i) => BigInt(i * 10));
    const mixed = rising.map((_, i) => BigInt(((i * 271) % 500) * 10));
    for (const order of [rising, [...rising].reverse(), mixed]) {
      const tree = new RangeTree<Range>();
      for (const start of order) tree.insert({ start, last: start + 9n });
      expect([...tree].map(({ start }) => start)).toEqual(rising);
      expect(tree.at(4999n)?.start).toBe(4990n);
      expect(tree.seek(5000n)).toBeUndefined();
    }
  });

  it('refuses to remove what it has not, and stays as it is', () => {
    const tree = new RangeTree<Range>();
    tree.insert({ start: 16n, last: 31n });
    expect(() => tree.remove({ start: 16n, last: 31n })).toThrow('0x10');
    expect(tree.count).toBe(1);
  });

  it('takes a range up to the last address of all', () => {
    const tree = new RangeTree<Range>();
    const top = { start: (1n << 64n) - 1n, last: (1n << 64n) - 1n };
    tree.insert(top);
    expect(tree.at((1n << 64n) - 1n)).toBe(top);
  });
});
