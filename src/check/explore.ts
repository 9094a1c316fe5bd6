/**
 * Breadth-first exploration of a bounded world: every state up to renaming, every action, every property. The first
 * violation of a property is a shortest one. States, parents and actions are typed arrays.
 */

import { actionsOf } from './actions.js';
import { History } from './history.js';
import { PROPERTIES, type Property, type Verdict } from './properties.js';
import { StateSet } from './state-set.js';
import type { Step } from './steps.js';
import { type Refutation, retell } from './story.js';
import { renameRights, renamingsOf } from './symmetry.js';
import type { Action, World } from './world.js';

export interface Exploration {
  /** States, each standing for all its renamings. */
  readonly states: number;
  /** States with the renamings. */
  readonly covered: number;
  readonly transitions: number;
  /** Steps from the beginning to the farthest state. */
  readonly depth: number;
  /** Properties that were judged. */
  readonly judged: readonly string[];
  /** Properties that hold because what they speak of never happens. */
  readonly vacuous: readonly string[];
  /** The policy kept a memory, or looked at the clock. */
  readonly remembers: boolean;
  readonly refutations: readonly Refutation[];
  /** States in which nothing can happen. */
  readonly deadlocks: number;
  /** Actions that never could happen. */
  readonly never: readonly Step[];
  /** Bytes held for each state. */
  readonly bytesPerState: number;
}

export interface ExploreOptions {
  /** Told of the number of states now and then. */
  readonly progress?: ((states: number) => void) | undefined;
  /** False: states that differ by names only are told apart. */
  readonly symmetry?: boolean;
  /** The properties to judge, of those that the world shows; PROPERTIES when not given. */
  readonly properties?: readonly Property[];
  /** True: ends with the round of steps in which the first property is refuted. */
  readonly first?: boolean;
}

/** Growing arrays of one number a state. */
function grown<T extends Uint32Array | Uint16Array>(array: T, wanted: number, make: (size: number) => T): T {
  if (wanted < array.length) return array;
  const larger = make(array.length * 2);
  larger.set(array);
  return larger;
}

/** A violation that was found: from which state, by which action. */
interface Found {
  readonly property: Property;
  readonly number: number;
  readonly action: Action;
  readonly wrong: string;
  /** P2: the state with the same objects and attachments. */
  readonly like?: number;
}

/** Explores a world. @throws RangeError the bounds are too large, or the policy breaks its interface */
export function explore(world: World, options: ExploreOptions = {}): Exploration {
  const kind = world.bounds.caches ? 'caches' : 'rights';
  const { layout } = world;
  const judged = (options.properties ?? PROPERTIES).filter((property) => property.world === kind);
  const open = new Set(judged);
  const actions = actionsOf(world);
  const all = renamingsOf(world.bounds);
  const renamings = options.symmetry === false ? all.slice(0, 1) : all;
  const numberOfRights = 1 << (world.bounds.files + world.bounds.vms);
  const renamed = renamings.map((to) =>
    Uint16Array.from({ length: numberOfRights }, (_, rights) => renameRights(rights, to)),
  );
  const inverse = renamed.map((table) => {
    const back = new Uint16Array(numberOfRights);
    for (let rights = 0; rights < numberOfRights; rights++) back[table[rights] as number] = rights;
    return back;
  });
  const set = new StateSet(layout, world.bounds, renamings);
  const history = judged.some(({ id }) => id === 'P2') ? new History(world, renamings, renamed) : undefined;
  let parents = new Uint32Array(1 << 12);
  let taken = new Uint16Array(1 << 12);
  let level = new Uint16Array(1 << 12);
  /** Rights in each state, as bits. */
  let rights = new Uint16Array(1 << 12);
  const state = new Uint8Array(layout.size);
  const scratch = new Uint8Array(layout.size);
  const found = new Map<Property, Found>();
  const exercised = new Set<Property>();
  const happened = new Uint8Array(actions.length);
  let [transitions, deadlocks, depth, covered] = [0, 0, 0, 1];
  let remembers = false;
  let last = Number.POSITIVE_INFINITY;

  /** The open properties that each action can break: when it leads to a new state, and when it does not. */
  let ofNewStates: Property[][] = [];
  let ofSteps: Property[][] = [];
  const sortOut = (): void => {
    const concerned = actions.map(({ step }) => [...open].filter((property) => property.on?.includes(step.do) ?? true));
    ofNewStates = concerned;
    ofSteps = concerned.map((properties) => properties.filter((property) => property.of === 'step'));
  };
  sortOut();
  const violated = (property: Property, verdict: Exclude<Verdict, boolean>, at: Omit<Found, 'property' | 'wrong'>) => {
    const weak = typeof verdict === 'object';
    if (!weak || !found.has(property)) {
      found.set(property, { property, wrong: weak ? verdict.weak : verdict, ...at });
      if (options.first) last = Math.min(last, level[at.number] as number);
    }
    if (weak && !options.first) return;
    open.delete(property);
    sortOut();
  };

  world.s = world.initial();
  set.add(world.s);
  rights[0] = world.rights();
  history?.add(rights[0], 0);
  for (let number = 0; number < set.count && (level[number] as number) <= last; number++) {
    set.read(number, state);
    scratch.set(state);
    world.s = scratch;
    const before = rights[number] as number;
    let enabled = 0;
    for (let index = 0; index < actions.length; index++) {
      const action = actions[index] as Action;
      const outcome = action.run(world);
      // What is impossible has changed nothing.
      if (outcome === 'impossible') continue;
      enabled++;
      happened[index] = 1;
      transitions++;
      const added = outcome === 'refused' ? -1 - number : set.add(scratch);
      const next = added < 0 ? -1 - added : added;
      const to = outcome === 'refused' ? 0 : (set.to[0] as number);
      if (added >= 0) {
        parents = grown(parents, next, (size) => new Uint32Array(size));
        taken = grown(taken, next, (size) => new Uint16Array(size));
        rights = grown(rights, next, (size) => new Uint16Array(size));
        level = grown(level, next, (size) => new Uint16Array(size));
        parents[next] = number;
        taken[next] = index;
        rights[next] = (renamed[to] as Uint16Array)[world.rights()] as number;
        level[next] = (level[number] as number) + 1;
        depth = level[next] as number;
        covered += set.orbit;
        remembers ||= world.remembers();
      }
      // The rights after, in the names of the state before.
      const after = (inverse[to] as Uint16Array)[rights[next] as number] as number;
      // A property of states is judged once a state, one of steps at every step.
      const toJudge = (added >= 0 ? ofNewStates : ofSteps)[index] as Property[];
      for (const property of toJudge) {
        if (property.id === 'P2') {
          const like = history?.add(after, next);
          if (like !== undefined) violated(property, 'the rights differ', { number, action, like });
          continue;
        }
        const verdict = property.judge(world, action, outcome, before, after);
        if (verdict === false) continue;
        exercised.add(property);
        if (verdict !== true) violated(property, verdict, { number, action });
      }
      scratch.set(state);
    }
    if (enabled === 0) deadlocks++;
    if (options.progress && (number & 0x3fff) === 0) options.progress(set.count);
  }
  const path = (number: number): number[] => {
    const states = [number];
    for (let at = number; at > 0; at = parents[at] as number) states.unshift(parents[at] as number);
    return states;
  };
  const held = set.bytes + parents.byteLength + taken.byteLength + level.byteLength + rights.byteLength;
  if (history?.met) for (const property of judged) if (property.id === 'P2') exercised.add(property);
  return {
    ...{ states: set.count, covered, transitions, depth, deadlocks, remembers },
    judged: judged.map((property) => property.id),
    vacuous: judged.filter((property) => !exercised.has(property)).map((property) => property.id),
    refutations: [...found.values()].map((violation) => retell(world, { set, path, renamings: all }, violation)),
    never: actions.filter((_, index) => happened[index] === 0).map((action) => action.step),
    bytesPerState: held / set.count,
  };
}
