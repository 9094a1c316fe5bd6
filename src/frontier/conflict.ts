/**
 * Why a story violates a property: the answers of the policy that it takes to get there and to go wrong. Every policy
 * that answers so violates the property by the same story.
 */

import { actionsOf } from '../check/actions.js';
import type { Property } from '../check/properties.js';
import { fileName, type Step, sentence, vmName } from '../check/steps.js';
import type { Action, Outcome } from '../check/world.js';
import { type Bounds, POSSIBLE_FACTS, World } from '../check/world.js';
import type { Family } from './family/family.js';
import { MOST, type Told, Traced } from './family/traced.js';

/** An answer that a story takes, and where in the story it was asked for. */
export interface Reason extends Told {
  /** The steps until then. */
  readonly after: readonly Step[];
  /** What was asked, in words, and what yes and no are. */
  readonly asked: string;
  readonly words: readonly [no: string, yes: string];
}

/** A story played to its end. */
interface Played {
  readonly world: World;
  readonly action: Action;
  readonly outcome: Outcome;
  /** The rights before the last step and after it, as bits and as answers: files first, then VMs. */
  readonly before: Rights;
  readonly after: Rights;
  /** What the way itself rests on. */
  readonly way: readonly Reason[];
}
interface Rights {
  readonly bits: number;
  readonly reasons: readonly (Reason | undefined)[];
}

function rightsOf(world: World, traced: Traced, after: readonly Step[]): Rights {
  const { files, vms } = world.bounds;
  let bits = 0;
  const reasons = Array.from({ length: files + vms }, (_, i): Reason | undefined => {
    traced.told.length = 0;
    if (i < files ? world.fileRight(i) : world.vmRight(i - files)) bits |= 1 << i;
    const [told] = traced.told;
    const who = i < files ? `who holds ${fileName(i)}` : `the guest of VM ${vmName(i - files)}`;
    return told && { ...told, after, asked: `may ${who} flush?`, words: ['it may not', 'it may'] };
  });
  return { bits, reasons };
}

/** The answers that the policy gave in a step. */
function reasonsOf(told: readonly Told[], step: Step, after: readonly Step[]): Reason[] {
  return told.map((each) => {
    const permission = each.key.startsWith('show') || each.key.startsWith('end');
    const asked = permission ? `${sentence(step)}: is it allowed?` : `${sentence(step)}: may it?`;
    return { ...each, after, asked, words: permission ? ['it is refused', 'it is allowed'] : ['it may not', 'it may'] };
  });
}

function played(traced: Traced, bounds: Bounds, steps: readonly Step[]): Played {
  const world = new World(bounds, traced.policy, { file: MOST, proof: MOST, vm: MOST });
  const actions = new Map(actionsOf(world).map((action) => [JSON.stringify(action.step), action]));
  const way: Reason[] = [];
  let last: Pick<Played, 'action' | 'outcome' | 'before'> | undefined;
  steps.forEach((step, i) => {
    const action = actions.get(JSON.stringify(step));
    if (!action) throw new Error(`no action for: ${sentence(step)}`);
    const until = steps.slice(0, i);
    const before = i === steps.length - 1 ? rightsOf(world, traced, until) : { bits: 0, reasons: [] };
    traced.told.length = 0;
    const outcome = action.run(world);
    way.push(...reasonsOf(traced.told, step, until));
    last = { action, outcome, before };
  });
  if (!last) throw new Error('a story without a step');
  return { world, way, ...last, after: rightsOf(world, traced, steps) };
}

/** The rights that a verdict takes, as bits of before and after: the others may be whatever they are. */
function needed({ world, action, outcome, before, after }: Played, property: Property): number {
  const count = world.bounds.files + world.bounds.vms;
  const all = (1 << (2 * count)) - 1;
  const bits = before.bits | (after.bits << count);
  const violates = (mask: number): boolean => {
    // Every way to fill in what is not needed.
    const free = all & ~mask;
    for (let some = free; ; some = (some - 1) & free) {
      const filled = (bits & mask) | some;
      const verdict = property.judge(world, action, outcome, filled & ((1 << count) - 1), filled >> count);
      if (typeof verdict === 'boolean') return false;
      if (some === 0) return true;
    }
  };
  if (!violates(all)) throw new Error(`the story does not violate ${property.id}`);
  let mask = all;
  for (let i = 0; i < 2 * count; i++) if (violates(mask & ~(1 << i))) mask &= ~(1 << i);
  return mask;
}

/** P11: a proof was refused that with other facts would not have been; that it would not is a reason too. */
function otherFacts(traced: Traced, { world, action, outcome }: Played, after: readonly Step[]): Reason[] {
  const { step } = action;
  if (outcome !== 'refused' || step.do !== 'add') return [];
  const others = world.vmsOf(Number(step.file.slice(1)) - 1);
  if (others === 0) return [];
  traced.told.length = 0;
  POSSIBLE_FACTS.some((facts) => traced.policy.mayShow(others, facts));
  const asked = `${sentence(step)}, with other devices in it: is it allowed?`;
  return traced.told
    .filter(({ answer }) => answer)
    .map((told) => ({ ...told, after, asked, words: ['it is refused', 'it is allowed'] }));
}

/** A candidate, and the bounds of the world that it was explored in. */
export interface Tried {
  readonly family: Family;
  readonly table: readonly number[];
  readonly bounds: Bounds;
}

/**
 * The answers by which a story violates a property.
 * @param other P2: the other way to the same objects and attachments
 * @throws Error it does not violate it
 */
export function reasonsFor(
  { family, table, bounds }: Tried,
  property: Property,
  steps: readonly Step[],
  other?: readonly Step[],
): Reason[] {
  const traced = new Traced(family, table);
  const story = played(traced, bounds, steps);
  const some = (reasons: readonly (Reason | undefined)[]): Reason[] => reasons.filter((each) => each !== undefined);
  if (other) {
    const second = played(new Traced(family, table), bounds, other);
    const differing = story.after.bits ^ second.after.bits;
    if (differing === 0) throw new Error(`the two ways do not violate ${property.id}`);
    const bit = 31 - Math.clz32(differing & -differing);
    return [...story.way, ...second.way, ...some([story.after.reasons[bit], second.after.reasons[bit]])];
  }
  const mask = needed(story, property);
  const rights = [...story.before.reasons, ...story.after.reasons].filter((_, i) => mask & (1 << i));
  const more = property.id === 'P11' ? otherFacts(traced, story, steps.slice(0, -1)) : [];
  return [...story.way, ...some(rights), ...more];
}
