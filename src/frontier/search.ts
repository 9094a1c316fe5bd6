/**
 * The search for a policy with given properties: counterexample-guided. A candidate is explored; the shortest story
 * that violates a property rests on some entries of its table, and their combination is excluded. A solver gives the
 * next candidate, until one passes or nothing is left. What was excluded for one property holds for every set with it,
 * so one search serves all sets.
 */
import type { Policy } from '../authority/policy.js';
import { type CheckOptions, DEFAULT_OPTIONS, worldOf } from '../check/check.js';
import { explore } from '../check/explore.js';
import { guestMayFlush, PROPERTIES, type Property } from '../check/properties.js';
import type { Step } from '../check/steps.js';
import type { Refutation } from '../check/story.js';
import { reasonsFor } from './conflict.js';
import { Family, type Size, tablePolicy } from './family/family.js';
import { Renamings } from './family/symmetry.js';
import { Solver } from './solver.js';

/** A story that a candidate went wrong by, and the answers that it takes. */
export interface Exclusion {
  readonly property: string;
  readonly steps: readonly Step[];
  readonly other?: readonly Step[];
  readonly wrong: string;
  /** Entry and answer. */
  readonly answers: readonly (readonly [entry: number, answer: number])[];
}

export interface Progress {
  readonly candidates: number;
  readonly exclusions: number;
}

/**
 * P0, which every answer of the debate keeps: a proof is worth something. Without it, a policy under which nobody ever
 * may flush keeps nearly every promise.
 */
const P0: Property = {
  id: 'P0',
  name: 'a proof works',
  world: 'rights',
  of: 'step',
  on: ['add'],
  judge: (w, { step }, outcome, _before, after) => {
    if (step.do !== 'add') return false;
    const [vm, file] = [Number(step.vm) - 1, Number(step.file.slice(1)) - 1];
    const { need, unenforced } = w.facts(file);
    const others = w.vmsOf(file) - w.at(w.layout.listed + vm * w.bounds.files + file);
    if (!need || !unenforced || others > 0 || w.at(w.layout.disabled + vm) === 1) return false;
    if (outcome === 'refused') return 'a proof that has the need is refused';
    return guestMayFlush(w, after, vm) || 'a proof that has the need gives the guest nothing';
  },
};

/** The properties that a policy decides, and P0. */
export const DECIDED: readonly Property[] = [P0, ...PROPERTIES.filter(({ id }) => Number(id.slice(1)) <= 12)];

/** @throws RangeError no such property */
export const propertyOf = (id: string, properties: readonly Property[] = DECIDED): Property => {
  const property = properties.find((each) => each.id === id);
  if (!property) throw new RangeError(`no property '${id}' that a policy decides; there are: P1 to P12`);
  return property;
};

/** Bounds in which most candidates fail: one file, one device. */
const QUICK: CheckOptions = { ...DEFAULT_OPTIONS, files: 1, devices: 1, descriptors: 1 };

export class Search {
  readonly family: Family;
  readonly options: CheckOptions;
  readonly properties: readonly Property[];
  readonly exclusions: Exclusion[] = [];
  candidates = 0;
  readonly #solver = new Solver();
  readonly #renamings: Renamings;
  /** Variables by entry: one for two answers, else one an answer. */
  readonly #variables: number[][];
  /** A variable a property: assumed, its exclusions hold. */
  readonly #selectors = new Map<string, number>();
  readonly #progress: (progress: Progress) => void;

  /** @param properties that may be asked for */
  constructor(
    size: Size,
    options: CheckOptions,
    progress: (progress: Progress) => void = () => {},
    properties: readonly Property[] = DECIDED,
  ) {
    this.properties = properties;
    this.family = new Family(size);
    this.#renamings = new Renamings(this.family);
    this.options = options;
    this.#progress = progress;
    this.#variables = this.family.entries.map(({ answers, natural }) => {
      if (answers === 1) return [];
      if (answers === 2) return [this.#solver.variable(natural === 1)];
      const each = Array.from({ length: answers }, (_, answer) => this.#solver.variable(answer === natural));
      this.#solver.add(each);
      each.forEach((a, i) => {
        for (const b of each.slice(i + 1)) this.#solver.add([-a, -b]);
      });
      return each;
    });
    for (const { id } of properties) this.#selectors.set(id, this.#solver.variable(false));
  }

  /** @throws RangeError no such property */
  property(id: string): Property {
    return propertyOf(id, this.properties);
  }

  /** The literal that says what an entry answers; undefined: it has one answer only, and that is it. */
  #literal(entry: number, answer: number): number | undefined {
    const variables = this.#variables[entry] as number[];
    const [only] = variables;
    if (variables.length === 1 && only !== undefined) return answer === 1 ? only : -only;
    return variables[answer];
  }

  /** Takes an exclusion up, and what is like it. */
  exclude(exclusion: Exclusion): void {
    this.exclusions.push(exclusion);
    const { property, answers, steps, other } = exclusion;
    const files = new Set([...steps, ...(other ?? [])].flatMap((step) => ('file' in step ? [step.file] : [])));
    for (const alike of this.#renamings.of(answers, files.size > 1)) {
      const literals = alike.flatMap(([entry, answer]) => {
        const literal = this.#literal(entry, answer);
        return literal === undefined ? [] : [-literal];
      });
      this.#solver.add([-(this.#selectors.get(property) as number), ...literals]);
    }
  }

  /**
   * A table with the properties, by exploration of the whole bounds.
   * @param fixed entries that must answer so
   * @param quick true: the quick bounds are enough
   * @returns undefined: there is none in the family
   */
  find(ids: readonly string[], fixed: ReadonlyMap<number, number> = new Map(), quick = false): number[] | undefined {
    const properties = ids.map((id) => this.property(id));
    const assumed = [
      ...ids.map((id) => this.#selectors.get(id) as number),
      ...[...fixed].flatMap(([entry, answer]) => this.#literal(entry, answer) ?? []),
    ];
    for (;;) {
      const model = this.#solver.solve(assumed);
      if (!model) return undefined;
      const table = this.#variables.map((variables, entry) => {
        if (variables.length === 0) return 0;
        if (variables.length === 1) return model[variables[0] as number] ? 1 : 0;
        return variables.findIndex((variable) => model[variable]) ?? this.family.entries[entry]?.natural;
      });
      this.candidates++;
      if (!this.refute(table, properties, quick)) return table;
      this.#progress({ candidates: this.candidates, exclusions: this.exclusions.length });
    }
  }

  /** Explores a candidate. True: it was refuted, and what it went wrong by is excluded. */
  refute(table: readonly number[], properties: readonly Property[], quick: boolean): boolean {
    const policy = tablePolicy(this.family, table, 'candidate', '');
    const { flushAllCpus, flushOnMap } = this.options;
    const first = { ...QUICK, vms: this.options.vms, flushAllCpus, flushOnMap };
    for (const options of quick ? [first] : [first, this.options])
      for (const caches of [false, true]) if (this.#refuteIn(table, policy, properties, options, caches)) return true;
    return false;
  }

  #refuteIn(
    table: readonly number[],
    policy: Policy,
    properties: readonly Property[],
    options: CheckOptions,
    caches: boolean,
  ): boolean {
    if (!properties.some(({ world }) => (world === 'caches') === caches)) return false;
    const { refutations } = explore(worldOf(policy, options, caches), { properties, first: true });
    for (const refutation of refutations) this.takeUp(table, refutation, options);
    return refutations.length > 0;
  }

  /** Excludes what a candidate was refuted by. */
  takeUp(table: readonly number[], { property: id, steps, other, wrong }: Refutation, options: CheckOptions): void {
    const property = this.property(id);
    const { bounds } = worldOf(tablePolicy(this.family, table, '', ''), options, property.world === 'caches');
    const reasons = reasonsFor({ family: this.family, table, bounds }, property, steps, other);
    const entries = new Set(reasons.flatMap((reason) => [...reason.entries]));
    const answers = [...entries].map((entry) => [entry, table[entry] as number] as const);
    this.exclude({ property: id, steps, ...(other && { other }), wrong, answers });
  }
}
