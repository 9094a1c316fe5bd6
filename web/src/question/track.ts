/**
 * Plays steps in the checker's world, on the policies that run in the kernel: what the reader sees is what the checker
 * explores. A track is one policy's way through the same steps; where the policy refuses one, its world stays as it is.
 */
import { actionsOf } from '../../../src/check/actions.js';
import { CHECKED_POLICIES, checkedPolicy, DEFAULT_OPTIONS, worldOf } from '../../../src/check/check.js';
import { PROPERTIES } from '../../../src/check/properties.js';
import type { Step } from '../../../src/check/steps.js';
import type { Action, Outcome, World } from '../../../src/check/world.js';

/** What a property says of a step. */
export interface Broken {
  readonly property: string;
  readonly wrong: string;
}

/** Where a track stands after a step. */
export interface Moment {
  /** undefined: the beginning. */
  readonly step: Step | undefined;
  readonly outcome: Outcome;
  readonly state: Uint8Array;
  /** Rights as bits: files first, then VMs. */
  readonly rights: number;
  readonly broken: readonly Broken[];
}

export const keyOf = (step: Step): string => JSON.stringify(Object.entries(step).sort());

export class Track {
  readonly policy: string;
  readonly world: World;
  readonly actions: readonly Action[];
  readonly moments: Moment[] = [];
  readonly #byKey: ReadonlyMap<string, Action>;

  /** @param caches the world of one line in the caches of two CPUs; else that of rights */
  constructor(policy: string, caches: boolean) {
    this.policy = policy;
    this.world = worldOf(checkedPolicy(policy), DEFAULT_OPTIONS, caches);
    this.actions = actionsOf(this.world);
    this.#byKey = new Map(this.actions.map((action) => [keyOf(action.step), action]));
    this.moments.push({
      step: undefined,
      outcome: 'done',
      state: this.world.initial(),
      rights: this.world.rights(),
      broken: [],
    });
  }

  get last(): Moment {
    return this.moments.at(-1) as Moment;
  }

  /** Puts the world into the state of a moment. */
  show(moment: Moment): World {
    this.world.s = moment.state.slice();
    return this.world;
  }

  /** Takes a step, if it can happen here. */
  play(step: Step): Moment {
    const before = this.last;
    const action = this.#byKey.get(keyOf(step));
    const world = this.show(before);
    const outcome = action?.run(world) ?? 'impossible';
    const state = outcome === 'done' ? world.s.slice() : before.state;
    world.s = state.slice();
    const rights = world.rights();
    const broken = action && outcome !== 'impossible' ? this.#judge(action, outcome, before, state, rights) : [];
    const moment: Moment = { step, outcome, state, rights, broken };
    this.moments.push(moment);
    return moment;
  }

  /** Goes back to a number of steps. */
  back(steps: number): void {
    this.moments.length = Math.max(1, steps + 1);
  }

  /** The steps that can happen now: done, or refused by the policy. */
  enabled(): { step: Step; outcome: Outcome }[] {
    const { last, world } = this;
    const found: { step: Step; outcome: Outcome }[] = [];
    for (const { step, run } of this.actions) {
      world.s = last.state.slice();
      const outcome = run(world);
      if (outcome !== 'impossible') found.push({ step, outcome });
    }
    return found;
  }

  /** What the step breaks: all properties of this world, P2 against the states that this track came through. */
  #judge(action: Action, outcome: Outcome, before: Moment, state: Uint8Array, rights: number): Broken[] {
    const { world } = this;
    const kind = world.bounds.caches ? 'caches' : 'rights';
    return PROPERTIES.flatMap((property) => {
      if (property.world !== kind || (property.on && !property.on.includes(action.step.do))) return [];
      const verdict =
        property.id === 'P2'
          ? this.#remembers(state, rights)
          : property.judge(world, action, outcome, before.rights, rights);
      if (typeof verdict === 'boolean') return [];
      return [{ property: property.id, wrong: typeof verdict === 'object' ? verdict.weak : verdict }];
    });
  }

  #remembers(state: Uint8Array, rights: number): string | boolean {
    const { visible } = this.world.layout;
    const same = (other: Uint8Array): boolean => state.every((value, i) => !visible[i] || value === other[i]);
    const differs = this.moments.some((moment) => moment.rights !== rights && same(moment.state));
    return !differs || 'the same objects and attachments gave other rights before';
  }
}

/** One track for each policy of the table. */
export function tracksOf(caches: boolean, steps: readonly Step[] = []): Track[] {
  return CHECKED_POLICIES.map((policy) => {
    const track = new Track(policy, caches);
    for (const step of steps) track.play(step);
    return track;
  });
}
