/**
 * Breadth-first exploration of a bounded world: every state, every action, every property. The first violation of a
 * property is a shortest one. A state is packed into two 32-bit words; states, parents and actions are typed arrays.
 */
import type { Action } from './action.js';
import { actionsOf } from './actions.js';
import { PROPERTIES, type Property } from './properties.js';
import type { Step } from './steps.js';
import type { World } from './world.js';

export interface Refutation {
  readonly property: string;
  /** The story, step by step; the last one goes wrong. */
  readonly steps: readonly Step[];
  /** What goes wrong, in words. */
  readonly wrong: string;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Steps from the beginning to the farthest state. */
  readonly depth: number;
  /** Properties that were judged. */
  readonly judged: readonly string[];
  readonly refutations: readonly Refutation[];
  /** States in which nothing can happen. */
  readonly deadlocks: number;
  /** Actions that never could happen. */
  readonly never: readonly Step[];
  /** Bytes held for each state. */
  readonly bytesPerState: number;
}

const EMPTY = 0xffffffff;

/** A hash of two words in which every bit counts (the finalizer of MurmurHash3, public domain). */
function mix(low: number, high: number): number {
  let hash = low ^ Math.imul(high, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** The packing of a vector of small integers into two words, and a set of such pairs. */
class StateSet {
  readonly #bits: Uint8Array;
  /** Fields from here on go to the second word. */
  readonly #split: number;
  /** Two words a state, side by side: they come into a cache together. */
  #words = new Uint32Array(1 << 13);
  count = 0;
  #table = new Uint32Array(1 << 14).fill(EMPTY);
  #packedLow = 0;
  #packedHigh = 0;

  /** @param radix number of values of each field */
  constructor(radix: Uint8Array) {
    this.#bits = radix.map((values) => 32 - Math.clz32(values - 1));
    let used = 0;
    let split = radix.length;
    this.#bits.forEach((bits, i) => {
      used += bits;
      if (used <= 32) return;
      if (split < radix.length) throw new RangeError('the bounds make states of more than 64 bits');
      split = i;
      used = bits;
    });
    this.#split = split;
  }

  get bytes(): number {
    return this.#words.byteLength + this.#table.byteLength;
  }

  /** Adds a state. Returns its number if it is new, else -1 - its number. */
  add(s: Uint8Array): number {
    this.#pack(s);
    const table = this.#table;
    const words = this.#words;
    const mask = table.length - 1;
    const low = this.#packedLow;
    const high = this.#packedHigh;
    let slot = mix(low, high) & mask;
    for (;;) {
      const at = table[slot] as number;
      if (at === EMPTY) break;
      if (words[2 * at] === low && words[2 * at + 1] === high) return -1 - at;
      slot = (slot + 1) & mask;
    }
    if (2 * this.count === words.length) this.#growStates();
    const number = this.count++;
    this.#words[2 * number] = low;
    this.#words[2 * number + 1] = high;
    table[slot] = number;
    if (this.count * 2 > table.length) this.#growTable();
    return number;
  }

  /** Unpacks a state. */
  read(number: number, into: Uint8Array): void {
    const bits = this.#bits;
    let word = this.#words[2 * number] as number;
    for (let i = 0; i < this.#split; i++) {
      const width = bits[i] as number;
      into[i] = word & ((1 << width) - 1);
      word >>>= width;
    }
    word = this.#words[2 * number + 1] as number;
    for (let i = this.#split; i < bits.length; i++) {
      const width = bits[i] as number;
      into[i] = word & ((1 << width) - 1);
      word >>>= width;
    }
  }

  #pack(s: Uint8Array): void {
    const bits = this.#bits;
    let word = 0;
    for (let i = this.#split - 1; i >= 0; i--) word = (word << (bits[i] as number)) | (s[i] as number);
    this.#packedLow = word >>> 0;
    word = 0;
    for (let i = bits.length - 1; i >= this.#split; i--) word = (word << (bits[i] as number)) | (s[i] as number);
    this.#packedHigh = word >>> 0;
  }

  #growStates(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
  }

  #growTable(): void {
    const table = new Uint32Array(this.#table.length * 2).fill(EMPTY);
    const mask = table.length - 1;
    for (let number = 0; number < this.count; number++) {
      let slot = mix(this.#words[2 * number] as number, this.#words[2 * number + 1] as number) & mask;
      while (table[slot] !== EMPTY) slot = (slot + 1) & mask;
      table[slot] = number;
    }
    this.#table = table;
  }
}

/** Growing arrays of one number a state. */
function grown<T extends Uint32Array | Uint16Array>(array: T, wanted: number, make: (size: number) => T): T {
  if (wanted < array.length) return array;
  const larger = make(array.length * 2);
  larger.set(array);
  return larger;
}

/**
 * Explores a world.
 * @param progress told of the number of states now and then
 */
export function explore(world: World, progress?: (states: number) => void): Exploration {
  const kind = world.bounds.caches ? 'caches' : 'rights';
  const judged = PROPERTIES.filter((property) => property.world === kind);
  const open = new Set(judged);
  const actions = actionsOf(world);
  const { layout } = world;
  const set = new StateSet(layout.radix);
  const projections = new StateSet(layout.radix);
  const projectedRights: number[] = [];
  const projected = new Uint8Array(layout.size);
  let parents = new Uint32Array(1 << 12);
  let taken = new Uint16Array(1 << 12);
  let level = new Uint16Array(1 << 12);
  /** Rights in each state, as bits. */
  let rights = new Uint16Array(1 << 12);
  const state = new Uint8Array(layout.size);
  const scratch = new Uint8Array(layout.size);
  const refutations: Refutation[] = [];
  const happened = new Uint8Array(actions.length);
  let transitions = 0;
  let deadlocks = 0;
  let depth = 0;

  const storyOf = (number: number): Step[] => {
    const steps: Step[] = [];
    for (let at = number; at > 0; at = parents[at] as number)
      steps.unshift((actions[taken[at] as number] as Action).step);
    return steps;
  };
  /** The open properties that each action can break: when it leads to a new state, and when it does not. */
  let ofNewStates: Property[][] = [];
  let ofSteps: Property[][] = [];
  const sortOut = (): void => {
    const concerned = actions.map(({ step }) => [...open].filter((property) => property.on?.includes(step.do) ?? true));
    ofNewStates = concerned;
    ofSteps = concerned.map((properties) => properties.filter((property) => property.of === 'step'));
  };
  sortOut();

  /** P2: has a state with the same objects and attachments given other rights? */
  const remembers = (now: number): boolean => {
    for (let i = 0; i < layout.size; i++) projected[i] = layout.visible[i] ? (world.s[i] as number) : 0;
    const number = projections.add(projected);
    if (number >= 0) {
      projectedRights[number] = now;
      return false;
    }
    return projectedRights[-1 - number] !== now;
  };

  set.add(world.initial());
  world.s = world.initial();
  rights[0] = world.rights();
  remembers(rights[0]);
  for (let number = 0; number < set.count; number++) {
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
      if (added >= 0) {
        parents = grown(parents, next, (size) => new Uint32Array(size));
        taken = grown(taken, next, (size) => new Uint16Array(size));
        rights = grown(rights, next, (size) => new Uint16Array(size));
        level = grown(level, next, (size) => new Uint16Array(size));
        parents[next] = number;
        taken[next] = index;
        rights[next] = world.rights();
        level[next] = (level[number] as number) + 1;
        depth = level[next] as number;
      }
      const after = rights[next] as number;
      // A property of states is judged once a state, one of steps at every step.
      const toJudge = (added >= 0 ? ofNewStates : ofSteps)[index] as Property[];
      for (const property of toJudge) {
        const wrong =
          property.id === 'P2'
            ? remembers(after) && 'another way to the same objects and attachments gave other rights'
            : property.judge(world, action, outcome, before, after);
        if (!wrong) continue;
        open.delete(property);
        sortOut();
        refutations.push({ property: property.id, steps: [...storyOf(number), action.step], wrong });
      }
      scratch.set(state);
    }
    if (enabled === 0) deadlocks++;
    if (progress && (number & 0x3fff) === 0) progress(set.count);
  }
  const held = set.bytes + parents.byteLength + taken.byteLength + level.byteLength + rights.byteLength;
  return {
    states: set.count,
    transitions,
    depth,
    judged: judged.map((property) => property.id),
    refutations,
    deadlocks,
    never: actions.filter((_, index) => happened[index] === 0).map((action) => action.step),
    bytesPerState: held / set.count,
  };
}
