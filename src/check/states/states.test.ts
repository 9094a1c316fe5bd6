/** What the explorer remembers: whole states, or a few bits of each. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHECKED_POLICIES, type CheckOptions, checkedPolicy, checkPolicy, DEFAULT_OPTIONS, worldOf } from '../check.js';
import { type Exploration, explore } from '../explore.js';
import { PRESETS } from '../presets.js';
import { renamingsOf, rightsUnder } from '../symmetry.js';
import type { World } from '../world.js';
import { BitStates } from './bit-states.js';
import { Packing } from './packing.js';
import { Queue } from './queue.js';
import { StateSet } from './state-set.js';
import { Trail } from './trail.js';
import { WordMap } from './word-map.js';

const SMALL: CheckOptions = { ...DEFAULT_OPTIONS, files: 1, devices: 1, ticks: 2, descriptors: 1 };
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test('a map of pairs of words is a map, through every growth', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(word, fc.integer({ min: -2, max: 2 }), fc.nat(63)), { maxLength: 40 }), (pairs) => {
      const [map, model] = [new WordMap(), new Map<string, number>()];
      // Neighbours of each pair make it grow several times.
      for (const [low, high, number] of pairs)
        for (let i = 0; i < 300; i++) {
          const [key, near] = [`${(low + i) | 0} ${high}`, (low + i) | 0];
          expect(map.find(near, high)).toBe(model.get(key) ?? -1);
          if (!model.has(key)) map.put(near, high, number);
          if (!model.has(key)) model.set(key, number);
        }
      expect(map.count).toBe(model.size);
      for (const [key, number] of model) {
        const [low, high] = key.split(' ').map(Number);
        expect(map.find(low as number, high as number)).toBe(number);
      }
    }),
    { numRuns: 15 },
  );
});

test('a queue gives what was put, and lets go of what was read', () => {
  const queue = new Queue();
  let read = 0;
  for (let i = 0; i < 200_000; i++) {
    queue.push(i, -i);
    if (i % 2 === 0 || queue.count - read > 20_000) {
      expect([queue.low(read), queue.high(read)]).toEqual([read, 0 - read]);
      read++;
    }
  }
  while (read < queue.count) expect(queue.low(read)).toBe(read++);
  expect(queue.bytes).toBeLessThan(200_000 * 8);
});

test('more actions than a trail can number are refused', () => {
  expect(() => new Trail(257)).toThrow('257 actions');
});

/** A state of any values that its fields can have. */
function anyState(world: World, next: () => number): void {
  world.s = world.layout.radix.map((values) => next() % values);
}

/** Numbers below 2^31, the same each time (Marsaglia's xorshift). */
function numbers(): () => number {
  let state = 2463534242;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 1) & 0x7fffffff;
  };
}

function statesOf(world: World): { set: StateSet; bits: BitStates } {
  const renamings = renamingsOf(world.bounds);
  const packing = new Packing(world.layout, world.bounds, renamings);
  const renamed = rightsUnder(renamings, world.bounds.files + world.bounds.vms);
  return { set: new StateSet(packing, renamed), bits: new BitStates(packing, 1) };
}

test('the rights in a known state are those that it has, under whatever names it comes back', () => {
  const world = worldOf(checkedPolicy('sticky'), DEFAULT_OPTIONS, false);
  const { set } = statesOf(world);
  const next = numbers();
  for (let i = 0; i < 20_000; i++) {
    anyState(world, next);
    // Few values, so that states come back.
    world.s = world.s.map((value, field) => (field % 3 === 0 ? value : 0));
    set.visit(world);
    expect(set.rights).toBe(world.rights());
  }
  expect(set.count).toBeLessThan(20_000);
});

test('bit-state hashing never takes a known state for new, and misses the share of new ones that it tells', () => {
  const world = worldOf(checkedPolicy('mediated'), { ...DEFAULT_OPTIONS, devices: 3 }, false);
  const { bits } = statesOf(world);
  const next = numbers();
  const met: Uint8Array[] = [];
  for (let i = 0; i < 600_000; i++) {
    anyState(world, next);
    bits.visit(world);
    if (i % 600 === 0) met.push(world.s);
  }
  for (const state of met) {
    world.s = state;
    expect(bits.visit(world)).toBe(false);
  }
  const [before, told] = [bits.count, bits.omission];
  const asked = 50_000;
  for (let i = 0; i < asked; i++) {
    anyState(world, next);
    bits.visit(world);
  }
  const missed = 1 - (bits.count - before) / asked;
  expect(told).toBeGreaterThan(0.001);
  expect(missed / told).toBeGreaterThan(0.7);
  expect(missed / told).toBeLessThan(1.6);
});

describe('bit-state hashing', () => {
  const lengths = ({ refutations }: Exploration): string[] =>
    refutations
      .filter(({ property }) => property !== 'P2')
      .map(({ property, steps }) => `${property} ${steps.length}`)
      .sort();

  test.each(CHECKED_POLICIES)('finds the same stories of %s where the field is large enough', (name) => {
    const world = () => worldOf(checkedPolicy(name), SMALL, false);
    const [whole, bits] = [explore(world()), explore(world(), { bitState: 16 })];
    expect(lengths(bits)).toEqual(lengths(whole));
    expect({ states: bits.states, covered: bits.covered }).toEqual({ states: whole.states, covered: whole.covered });
    expect(bits.omission).toBeLessThan(1e-9);
  });

  test('proves nothing: what is not refuted says so, and what needs every state is not judged', () => {
    const { standing, omission } = checkPolicy(checkedPolicy('mediated'), SMALL, () => 0, undefined, { bitState: 1 });
    expect(standing).toMatchObject({ P1: 'not refuted', P2: 'not judged', P5: 'refuted', P12: 'by construction' });
    // The world of caches is gone through whole.
    expect(standing).toMatchObject({ P9: 'proved', P13: 'proved', P14: 'proved' });
    expect(omission).toBeGreaterThan(0);
  });
});

test('states that take more memory than they may are refused with their number', () => {
  const world = worldOf(checkedPolicy('sticky'), { ...DEFAULT_OPTIONS, descriptors: 1 }, false);
  expect(() => explore(world, { memory: 1_000_000 })).toThrow(
    /^\d+ states of policy 'sticky' take more than the 1000000 /,
  );
});

test.each(CHECKED_POLICIES)('every preset has room for the states of %s in two words', (name) => {
  for (const { options } of Object.values(PRESETS)) {
    const { layout, bounds } = worldOf(checkedPolicy(name), { ...DEFAULT_OPTIONS, ...options }, false);
    expect(() => new Packing(layout, bounds, renamingsOf(bounds))).not.toThrow();
  }
});
