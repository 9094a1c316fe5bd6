/**
 * Breadth-first exploration of a bounded world: every state up to renaming, every action, every property. The first
 * violation of a property is a shortest one. States, parents and actions are typed arrays.
 */

import { actionsOf } from './actions.js';
import { PROPERTIES, type Property, type Verdict } from './properties.js';
import { BitStates } from './states/bit-states.js';
import { History } from './states/history.js';
import { Packing } from './states/packing.js';
import { StateSet } from './states/state-set.js';
import { Trail } from './states/trail.js';
import type { Step } from './steps.js';
import { type Refutation, retell } from './story.js';
import { renamingsOf, rightsUnder } from './symmetry.js';
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
  /** Bit-state hashing only: at the end, how likely a new state was taken for one that is known. Undefined: none is missed. */
  readonly omission?: number;
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
  /** Most bytes that are held for states. */
  readonly memory?: number;
  /** Bit-state hashing: the MiB of the field. P2, which is judged over pairs of states, is not judged. */
  readonly bitState?: number | undefined;
}

/** How often the memory is looked at, in states. */
const LOOK_EVERY = 1 << 14;
/** Rights are kept in a byte. */
const MOST_RIGHTS = 8;

/** A violation that was found: from which state, by which action. */
interface Found {
  readonly property: Property;
  readonly number: number;
  readonly action: Action;
  readonly wrong: string;
  /** P2: the state with the same objects and attachments. */
  readonly like?: number;
}

/**
 * Explores a world.
 * @throws RangeError the bounds are too large, their states need more memory, or the policy breaks its interface
 */
export function explore(world: World, options: ExploreOptions = {}): Exploration {
  const kind = world.bounds.caches ? 'caches' : 'rights';
  const { layout, bounds } = world;
  const judged = (options.properties ?? PROPERTIES).filter(
    (property) => property.world === kind && (options.bitState === undefined || property.id !== 'P2'),
  );
  const open = new Set(judged);
  const actions = actionsOf(world);
  const all = renamingsOf(bounds);
  const renamings = options.symmetry === false ? all.slice(0, 1) : all;
  if (bounds.files + bounds.vms > MOST_RIGHTS)
    throw new RangeError(`${bounds.files} files and ${bounds.vms} VMs: at most ${MOST_RIGHTS} together`);
  const renamed = rightsUnder(renamings, bounds.files + bounds.vms);
  const packing = new Packing(layout, bounds, renamings);
  const bits = options.bitState === undefined ? undefined : new BitStates(packing, options.bitState);
  const states = bits ?? new StateSet(packing, renamed);
  const history = judged.some(({ id }) => id === 'P2') ? new History(world, packing, renamed) : undefined;
  const trail = new Trail(actions.length);
  const held = (): number => states.bytes + trail.bytes + (history?.bytes ?? 0);
  // Whole words of memory, so that putting a state back is a few moves.
  const words = (layout.size + 3) >> 2;
  const [stateWords, scratchWords] = [new Int32Array(words), new Int32Array(words)];
  const state = new Uint8Array(stateWords.buffer, 0, layout.size);
  const scratch = new Uint8Array(scratchWords.buffer, 0, layout.size);
  const putBack = (): void => {
    for (let i = 0; i < words; i++) scratchWords[i] = stateWords[i] as number;
  };
  const found = new Map<Property, Found>();
  const exercised = new Set<Property>();
  const happened = new Uint8Array(actions.length);
  let [transitions, deadlocks] = [0, 0];
  /** Steps from the beginning to the state whose actions are tried, and the first state that is a step farther. */
  let [level, farther] = [0, 1];
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
      if (options.first) last = level;
    }
    if (weak && !options.first) return;
    open.delete(property);
    sortOut();
  };

  world.s = world.initial();
  states.visit(world);
  history?.add(states.rights, 0);
  for (let number = 0; number < states.count; number++) {
    if (number === farther) {
      level++;
      farther = states.count;
      if (level > last) break;
    }
    states.read(number, state);
    putBack();
    world.s = scratch;
    const before = world.rights();
    let enabled = 0;
    for (let index = 0; index < actions.length; index++) {
      const action = actions[index] as Action;
      const outcome = action.run(world);
      // What is impossible has changed nothing.
      if (outcome === 'impossible') continue;
      enabled++;
      happened[index] = 1;
      transitions++;
      const next = states.count;
      const fresh = outcome === 'done' && states.visit(world);
      const after = outcome === 'done' ? states.rights : before;
      if (fresh) {
        trail.add(next, number, index);
        remembers ||= world.remembers();
      }
      // A property of states is judged once a state, one of steps at every step.
      const toJudge = (fresh ? ofNewStates : ofSteps)[index] as Property[];
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
      putBack();
    }
    if (enabled === 0) deadlocks++;
    if (number % LOOK_EVERY !== 0) continue;
    options.progress?.(states.count);
    if (options.memory !== undefined && held() > options.memory)
      throw new RangeError(
        `${states.count} states of policy '${world.policy.name}' take more than the ${options.memory} bytes of --memory, and there are more`,
      );
  }
  if (history?.met) for (const property of judged) if (property.id === 'P2') exercised.add(property);
  return {
    ...{ states: states.count, covered: states.covered, transitions, depth: level, deadlocks, remembers },
    judged: judged.map((property) => property.id),
    vacuous: judged.filter((property) => !exercised.has(property)).map((property) => property.id),
    refutations: [...found.values()].map((violation) => retell(world, { packing, trail, renamings: all }, violation)),
    never: actions.filter((_, index) => happened[index] === 0).map((action) => action.step),
    bytesPerState: held() / states.count,
    ...(bits && { omission: bits.omission }),
  };
}
