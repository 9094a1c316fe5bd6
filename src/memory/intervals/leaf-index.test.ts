import { describe, expect, test } from 'vitest';
import { LeafIndex, NOWHERE } from './leaf-index.js';

const LEAVES = 3000;

/** Tops and numbers in the order of the index. */
function contents(index: LeafIndex, tops: ReadonlyMap<number, number>): (number | undefined)[] {
  const found = [];
  for (let place = index.first; place !== NOWHERE; place = index.after(place)) found.push(tops.get(index.id(place)));
  return found;
}

/** Adds leaves with these first pages, each where find() says. */
function filled(order: readonly number[]): { index: LeafIndex; tops: Map<number, number> } {
  const index = new LeafIndex();
  const tops = new Map<number, number>();
  index.insertAfter(NOWHERE, 0, 0);
  tops.set(0, 0);
  for (const [i, top] of order.entries()) {
    const before = index.find(top);
    const place = index.insertAfter(before, top, i + 1);
    tops.set(i + 1, top);
    expect(index.after(index.before(place, before))).toBe(place);
  }
  return { index, tops };
}

const rising = Array.from({ length: LEAVES }, (_, i) => (i + 1) * 10);
const mixed = rising.map((_, i) => (((i * 1009) % LEAVES) + 1) * 10);

describe('the order of the leaves', () => {
  test.each([
    ['rising', rising],
    ['falling', [...rising].reverse()],
    ['mixed', mixed],
  ])('is kept over many stretches when leaves come in %s order', (_, order) => {
    const { index, tops } = filled(order);
    expect(contents(index, tops)).toEqual([0, ...rising]);
    for (const top of [0, 10, 15_000, LEAVES * 10]) {
      expect(tops.get(index.id(index.find(top)))).toBe(top);
      expect(tops.get(index.id(index.find(top + 9)))).toBe(top);
    }
    expect(index.find(-1)).toBe(NOWHERE);
  });

  test('is kept when leaves go, in any order, and remove() tells the next one', () => {
    const { index, tops } = filled(mixed);
    const left = new Set([0, ...rising]);
    for (const [i, top] of mixed.entries()) {
      if (i % 5 === 0) continue;
      left.delete(top);
      const next = index.remove(index.find(top));
      const above = [...left].find((each) => each > top);
      if (i % 50 === 1) expect(next === NOWHERE ? undefined : tops.get(index.id(next))).toBe(above);
    }
    expect(contents(index, tops)).toEqual([...left]);
    for (const top of left) expect(tops.get(index.id(index.find(top + 5)))).toBe(top);
  });

  test('follows a leaf whose first run is another', () => {
    const { index } = filled(rising);
    const place = index.find(15_000);
    index.setTop(place, 15_005);
    expect(index.find(15_004)).not.toBe(place);
    expect(index.find(15_005)).toBe(place);
    for (let each = index.first; each !== NOWHERE; each = index.after(each))
      index.setTop(each, index.id(each) * 10 + 1);
    expect(index.find(0)).toBe(NOWHERE);
    expect(index.id(index.find(20_001))).toBe(2000);
    expect(index.id(index.find(20_010))).toBe(2000);
  });
});
