/** The search against planted answers: what only one policy has, and what none can. */
import { describe, expect, test } from 'vitest';
import type { Policy } from '../authority/policy.js';
import { actionsOf } from '../check/actions.js';
import { type CheckOptions, checkedPolicy, DEFAULT_OPTIONS, worldOf } from '../check/check.js';
import { guestMayFlush, type Property } from '../check/properties.js';
import { groundOf, synthesize, whyNot } from './answer.js';
import { tablePolicy } from './family/family.js';
import { Renamings } from './family/symmetry.js';
import { Explorer, namesOf } from './lattice.js';
import { DECIDED, Search } from './search.js';
import { simplest } from './simplify.js';
import { argumentLines, leavesOf } from './text.js';

const SIZE = { file: 2, proof: 2, vm: 2, clock: 1 };
/** One file and one device: enough for every story of a single proof. */
const SMALL: CheckOptions = { ...DEFAULT_OPTIONS, files: 1, devices: 1, descriptors: 1 };

const rights = (judge: Property['judge'], id: string, of: Property['of'] = 'step'): Property => ({
  ...{ id, name: id, world: 'rights', of, judge },
});

/** Together only notifier has these, over one file. */
const ONLY_NOTIFIER: readonly Property[] = [
  ...DECIDED.filter(({ id }) => id === 'P1' || id === 'P7'),
  rights(
    (w, _action, _outcome, _before, after) => ((after & 1) !== 0) === w.need(0) || 'right(F) is not the need',
    'FILE',
    'state',
  ),
  rights((_w, { step }, outcome) => step.do !== 'add' || outcome !== 'refused' || 'an add is refused', 'SHARED'),
  rights((w, { step }, outcome, before, after) => {
    for (let v = 0; v < w.bounds.vms; v++) {
      const mine = 'vm' in step && step.vm === String(v + 1);
      const shown = mine && (step.do === 'add' || step.do === 'enable') && outcome === 'done';
      const off = w.at(w.layout.disabled + v) === 1;
      const [was, is] = [guestMayFlush(w, before, v), guestMayFlush(w, after, v)];
      if (!was && is && !shown) return 'a right comes by something else than showing a proof';
      if (shown && w.need(0) && !is && !off) return 'a proof with the need gives nothing';
      const given = mine && (step.do === 'delete' || step.do === 'disable' || step.do === 'close-vm');
      if (was && !is && !given && w.need(0)) return 'a right ends while the need goes on';
    }
    return true;
  }, 'SHOWN'),
];

/** Walks two policies side by side through every state. Returns the number of pairs of states, all of the same rights. */
function sameEverywhere(a: Policy, b: Policy): number {
  const worlds = [worldOf(a, SMALL, false), worldOf(b, SMALL, false)] as const;
  const seen = new Map<string, Uint8Array[]>();
  const waiting: Uint8Array[][] = [worlds.map((world) => world.initial())];
  for (let pair = waiting.pop(); pair; pair = waiting.pop()) {
    const [left, right] = worlds.map((world) => actionsOf(world));
    for (let i = 0; i < (left?.length ?? 0); i++) {
      worlds.forEach((world, k) => {
        world.s = (pair[k] as Uint8Array).slice();
      });
      const outcomes = [left?.[i]?.run(worlds[0]), right?.[i]?.run(worlds[1])];
      expect(outcomes[0]).toBe(outcomes[1]);
      expect(worlds[0].rights()).toBe(worlds[1].rights());
      const key = `${worlds[0].s.join()}|${worlds[1].s.join()}`;
      if (seen.has(key)) continue;
      const next = worlds.map(({ s }) => s.slice());
      seen.set(key, next);
      waiting.push(next);
    }
  }
  return seen.size;
}

describe('a planted answer is found', { timeout: 60_000 }, () => {
  test('what only notifier has gives a policy equal to notifier in every reachable state', () => {
    const search = new Search(SIZE, SMALL, () => {}, ONLY_NOTIFIER);
    const found = simplest(
      search,
      ONLY_NOTIFIER.map(({ id }) => id),
    );
    expect(found?.size).toEqual({ file: 1, proof: 2, vm: 1, clock: 1 });
    const policy = tablePolicy(search.family, found?.table ?? [], 'found', '');
    expect(sameEverywhere(policy, checkedPolicy('notifier'))).toBeGreaterThan(300);
    // The walk tells policies apart: mediated is another one.
    expect(() => sameEverywhere(policy, checkedPolicy('mediated'))).toThrow();
  });

  test('and is simplest: P1, P7 and P9 need no memory, and one condition', () => {
    const search = new Search(SIZE, SMALL);
    expect(simplest(search, ['P0', 'P1', 'P7', 'P9'])).toMatchObject({
      size: { file: 1, proof: 1, vm: 1, clock: 1 },
      mattering: 1,
    });
  });
});

describe('a planted impossibility is proved', { timeout: 60_000 }, () => {
  test('P1 with P8 and P7: the argument has the two lines, and no line that is not needed', () => {
    const search = new Search(SIZE, SMALL);
    const answer = synthesize(search, ['P1', 'P7', 'P8'], SMALL, () => 0);
    if (answer.possible || !answer.argument) throw new Error('it is impossible, and there is an argument');
    expect(
      leavesOf(answer.argument)
        .map(({ property }) => property)
        .sort(),
    ).toEqual(['P0', 'P0', 'P1', 'P8']);
    const lines = argumentLines(answer.argument).map((line) => line.trim());
    const question = lines.indexOf('then vfio0 is unplugged. May the guest of VM 1 flush?');
    expect(lines.slice(question)).toEqual([
      'then vfio0 is unplugged. May the guest of VM 1 flush?',
      '- it may not:',
      '=> the guest of VM 1 loses its right by it, without having done anything: against P8, no surprise loss [leaf 3]',
      '- it may:',
      '=> the guest of VM 1 flushes every cache of the machine, and no proof of it has the need: against P1, ongoing proof [leaf 4]',
    ]);
  });

  test('every exclusion is true: its answers alone make its story go wrong', () => {
    const search = new Search(SIZE, SMALL);
    expect(search.find(['P0', 'P2', 'P3', 'P8', 'P10'])).toBeUndefined();
    expect(search.exclusions.length).toBeGreaterThan(10);
    for (const exclusion of search.exclusions) expect(groundOf(search, exclusion).reasons.length).toBeGreaterThan(0);
  });

  test('and so is everything symmetric to it: a memory’s values but 0 have no meaning of their own', () => {
    const search = new Search({ file: 1, proof: 3, vm: 3, clock: 1 }, SMALL);
    expect(search.find(['P0', 'P1', 'P8'])).toBeUndefined();
    const renamings = new Renamings(search.family);
    for (const exclusion of search.exclusions.slice(0, 40)) {
      const images = renamings.of(exclusion.answers, false);
      expect(images).toHaveLength(4);
      for (const answers of images)
        expect(groundOf(search, { ...exclusion, answers }).reasons.length).toBeGreaterThan(0);
    }
  });

  test('it holds for every number of memories: the argument asks about stories, not about tables', () => {
    for (const k of [1, 2]) {
      const search = new Search({ file: k, proof: k, vm: k, clock: 1 }, SMALL);
      expect(search.find(['P0', 'P1', 'P8'])).toBeUndefined();
      expect(whyNot(search, ['P0', 'P1', 'P8'])).toBeDefined();
    }
  });
});

describe('the frontier', { timeout: 60_000 }, () => {
  test('of P1, P2, P3, P8 and P10: four sets that can be had, two that cannot', () => {
    const properties = ['P1', 'P2', 'P3', 'P8', 'P10'];
    const told: number[] = [];
    const explorer = new Explorer(new Search(SIZE, SMALL), properties, (maximal, minimal) =>
      told.push(maximal + minimal),
    );
    const { maximal, minimal } = explorer.explore();
    expect(maximal.map((set) => namesOf(set, properties).join(' ')).sort()).toEqual([
      'P1 P2 P3 P10',
      'P2 P3 P8',
      'P2 P8 P10',
      'P3 P8 P10',
    ]);
    expect(minimal.map((set) => namesOf(set, properties).join(' ')).sort()).toEqual(['P1 P8', 'P2 P3 P8 P10']);
    expect(told).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
