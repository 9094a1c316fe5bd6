/** From a violation that the explorer found, up to renaming, to the story of it: steps that follow one another. */

import { actionsOf } from './actions.js';
import { differ, type Property, type Verdict } from './properties.js';
import type { Packing } from './states/packing.js';
import type { Trail } from './states/trail.js';
import type { Step } from './steps.js';
import { type Renaming, renameStep } from './symmetry.js';
import type { Action, Outcome, World } from './world.js';

export interface Refutation {
  readonly property: string;
  /** The story, step by step; the last one goes wrong. */
  readonly steps: readonly Step[];
  /** P2: the other way to the same objects and attachments. */
  readonly other?: readonly Step[];
  /** What goes wrong, in words. */
  readonly wrong: string;
}

export interface Explored {
  readonly packing: Packing;
  readonly trail: Trail;
  readonly renamings: readonly Renaming[];
}

interface Violation {
  readonly property: Property;
  readonly number: number;
  readonly action: Action;
  readonly wrong: string;
  readonly like?: number;
}

/** A policy whose answers are no function of what it is given. */
class Impure extends RangeError {
  constructor(world: World, how: string) {
    super(`policy '${world.policy.name}' is not pure: ${how}`);
  }
}

const same = (a: Step, b: Step): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Puts a world to the end of a story. Returns what became of the last step. @throws Error a step is not possible there */
export function replay(world: World, steps: readonly Step[]): { before: number; outcome: Outcome; action?: Action } {
  const actions = actionsOf(world);
  world.s = world.initial();
  let last: { before: number; outcome: Outcome; action?: Action } = { before: 0, outcome: 'done' };
  for (const step of steps) {
    const action = actions.find((each) => same(each.step, step));
    const before = world.rights();
    const outcome = action?.run(world) ?? 'impossible';
    if (!action || outcome === 'impossible') throw new Error(`the story cannot go on with ${JSON.stringify(step)}`);
    last = { before, outcome, action };
  }
  return last;
}

/** Steps from the beginning to a state that is the wanted one up to renaming, and what leads on from there. */
function wayTo(world: World, { packing, trail }: Explored, number: number): Step[] {
  const actions = actionsOf(world);
  /** The state that stands for the one at hand, as the explorer had it. */
  const chosen = world.initial();
  let here = world.initial();
  const steps = trail.to(number).map((index) => {
    packing.choose(chosen);
    packing.unpack(packing.low, packing.high, chosen);
    world.s = chosen;
    if (actions[index]?.run(world) === 'done') {
      packing.choose(chosen);
      const { low, high } = packing;
      for (const { step, run } of actions) {
        world.s = here.slice();
        if (run(world) !== 'done') continue;
        packing.choose(world.s);
        if (packing.low !== low || packing.high !== high) continue;
        here = world.s;
        return step;
      }
    }
    throw new Impure(world, 'a state is not reached again by the way that led there');
  });
  world.s = here;
  return steps;
}

/** The renaming of a story in which names come in their natural order. */
function inOrder(steps: readonly Step[], renamings: readonly Renaming[]): Renaming {
  const told = (renaming: Renaming): string => JSON.stringify(steps.map((step) => renameStep(step, renaming)));
  return renamings.reduce((best, renaming) => (told(renaming) < told(best) ? renaming : best));
}

/** P2: two ways to the same objects and attachments, and the rights that differ. */
function twoWays(
  world: World,
  explored: Explored,
  { property, like = 0 }: Violation,
  steps: Step[],
): Refutation | undefined {
  const { visible } = world.layout;
  const look = (): string => world.s.filter((_, i) => visible[i]).join();
  replay(world, steps);
  const [seen, rights] = [look(), world.rights()];
  const way = wayTo(world, explored, like);
  for (const renaming of explored.renamings) {
    const other = way.map((step) => renameStep(step, renaming));
    replay(world, other);
    if (look() !== seen || world.rights() === rights) continue;
    return { property: property.id, steps, other, wrong: differ(world, rights, world.rights()) };
  }
  return undefined;
}

/** Tells a violation. @throws RangeError the policy is not pure: it goes another way this time */
export function retell(world: World, explored: Explored, violation: Violation): Refutation {
  const { property, number } = violation;
  const way = wayTo(world, explored, number);
  const from = world.s.slice();
  const before = world.rights();
  const wanted = violation.action.step.do;
  for (const action of actionsOf(world)) {
    world.s = from.slice();
    if (action.step.do !== wanted) continue;
    const outcome = action.run(world);
    if (outcome === 'impossible') continue;
    const wrong = words(property.judge(world, action, outcome, before, world.rights()));
    const names = inOrder([...way, action.step], explored.renamings);
    const steps = [...way, action.step].map((step) => renameStep(step, names));
    const told =
      property.id === 'P2' ? twoWays(world, explored, violation, steps) : wrong && rejudged(world, property, steps);
    if (told) return told;
  }
  throw new Impure(world, `a story that broke ${property.id} does not break it when it is told again`);
}

/** What a verdict says is wrong. */
function words(verdict: Verdict): string | undefined {
  if (typeof verdict === 'boolean') return undefined;
  return typeof verdict === 'string' ? verdict : verdict.weak;
}

/** The story under its final names. */
function rejudged(world: World, property: Property, steps: readonly Step[]): Refutation | undefined {
  const { before, outcome, action } = replay(world, steps);
  const wrong = action && words(property.judge(world, action, outcome, before, world.rights()));
  return wrong === undefined ? undefined : { property: property.id, steps, wrong };
}
