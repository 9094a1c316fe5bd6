import { describe, expect, test } from 'vitest';
import { LAST_OFFSET, LeafOrder, NOWHERE } from './leaf-order.js';

/** An order of leaves beside a list of [separator, leaf]. */
class Model {
  readonly order = new LeafOrder();
  list: [number, number][] = [[0, 0]];

  constructor() {
    this.order.insert(NOWHERE, 0, 0);
  }

  /** Where a new leaf's separator would stand, or that of a leaf that has it. */
  at(offset: number): number {
    return this.list.findLastIndex(([separator]) => separator <= offset);
  }

  insert(separator: number, leaf: number): void {
    const at = this.at(separator);
    const [own, before] = this.list[at] as [number, number];
    if (own === separator) return;
    this.order.insert(before, leaf, separator);
    this.list.splice(at + 1, 0, [separator, leaf]);
  }

  remove(at: number): void {
    this.order.remove((this.list[at] as [number, number])[1]);
    this.list.splice(at, 1);
    const first = this.list[0];
    if (first) first[0] = 0;
  }

  /** Steps from near() to the leaf that an offset belongs to; near() is never behind it. */
  steps(offset: number): number {
    const wanted = (this.list[this.at(offset)] as [number, number])[1];
    let steps = 0;
    for (let leaf = this.order.near(offset); leaf !== wanted; leaf = this.order.next(leaf)) {
      if (leaf === NOWHERE) throw new Error(`the leaf of ${offset} is before near()`);
      steps++;
    }
    return steps;
  }

  check(offsets: Iterable<number>): void {
    for (const offset of offsets) if (this.steps(offset) > 2) throw new Error(`near(${offset}) is not near`);
    const forward: [number, number][] = [];
    for (let leaf = this.order.first; leaf !== NOWHERE; leaf = this.order.next(leaf))
      forward.push([this.order.separator(leaf), leaf]);
    expect(forward).toEqual(this.list);
    const backward = [];
    for (let leaf = this.order.last; leaf !== NOWHERE; leaf = this.order.before(leaf)) backward.push(leaf);
    expect(backward.reverse()).toEqual(this.list.map(([, leaf]) => leaf));
  }
}

/** The same numbers each time. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Offsets about each separator. */
function* around(model: Model): Generator<number> {
  yield LAST_OFFSET - 1;
  for (const [separator] of model.list) {
    yield separator;
    if (separator > 0) yield separator - 1;
    if (separator < LAST_OFFSET - 2) yield separator + 2;
  }
}

const SPREADS: readonly [string, (random: (below: number) => number, i: number) => number][] = [
  ['evenly over a little', (random) => 1 + random(1 << 14)],
  ['evenly over everything', (random) => 1 + random(LAST_OFFSET - 1)],
  ['in clusters far from each other', (random) => (1 + random(40)) * 50_000_000 + random(300)],
  ['upwards', (_, i) => (i + 1) * 37],
  ['downwards', (_, i) => 2_000_000_000 - i * 1000],
];

describe('the order of the leaves of a stretch', () => {
  test.each(SPREADS)('leads to within two leaves of an offset where leaves begin %s', (_, spread) => {
    const random = generator(7);
    const model = new Model();
    for (let i = 0; i < 1500; i++) model.insert(spread(random, i), i + 1);
    expect(model.list.length).toBeGreaterThan(1000);
    model.check(around(model));
    // Borders move to where no other leaf begins.
    for (let at = 1; at < model.list.length; at++) {
      const entry = model.list[at] as [number, number];
      const low = (model.list[at - 1] as [number, number])[0] + 1;
      const high = model.list[at + 1]?.[0] ?? LAST_OFFSET;
      entry[0] = low + random(high - low);
      model.order.move(entry[1], entry[0]);
    }
    model.check(around(model));
    // Leaves go in any order, some come again; near() stays near.
    while (model.list.length > 1) {
      const at = random(model.list.length);
      const [separator, leaf] = model.list[at] as [number, number];
      model.remove(at);
      if (at > 0 && random(3) === 0) model.insert(separator, leaf);
      if (random(200) === 0) model.check(around(model));
    }
    model.check([0, 5, LAST_OFFSET - 1]);
  });

  test('holds no more for leaves that come and go in other places over and over', () => {
    const model = new Model();
    const fill = (base: number): number => {
      for (let i = 0; i < 500; i++) model.insert(base + i * 3, i + 1);
      const { bytes } = model.order;
      while (model.list.length > 1) model.remove(model.list.length - 1);
      return bytes;
    };
    const once = fill(1000);
    for (let i = 1; i < 200; i++) fill(1000 + i * 7_000_000);
    // Nodes are found again; the order of a few roots above the first is all that may be added.
    expect(model.order.bytes).toBeLessThan(once * 2);
  });
});
