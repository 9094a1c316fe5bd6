/**
 * The frontier: all maximal sets of properties that can be had together, and all minimal sets that cannot (MARCO's
 * method: Liffiton and others, "Fast, flexible MUS enumeration", 2016). What holds for a set holds for its subsets.
 */
import type { Search } from './search.js';

/** Sets are bits over the properties. */
export interface Frontier {
  readonly properties: readonly string[];
  readonly maximal: readonly number[];
  readonly minimal: readonly number[];
}

const within = (set: number, other: number): boolean => (set & other) === set;
const size = (set: number): number => {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
};

export const namesOf = (set: number, properties: readonly string[]): string[] =>
  properties.filter((_, i) => set & (1 << i));

export class Explorer {
  readonly #search: Search;
  readonly #properties: readonly string[];
  readonly #told: (maximal: number, minimal: number) => void;
  readonly maximal: number[] = [];
  readonly minimal: number[] = [];
  /** Sets that were found possible on the way. */
  readonly #possible: number[] = [];

  /** @param told how many maximal and minimal sets are known, whenever there is one more */
  constructor(search: Search, properties: readonly string[], told: (maximal: number, minimal: number) => void) {
    this.#search = search;
    this.#properties = properties;
    this.#told = told;
  }

  #can(set: number): boolean {
    if (this.#possible.some((other) => within(set, other))) return true;
    if (this.minimal.some((other) => within(other, set))) return false;
    const ids = ['P0', ...namesOf(set, this.#properties)];
    const possible = this.#search.find(ids, new Map(), true) !== undefined && this.#search.find(ids) !== undefined;
    if (possible) this.#possible.push(set);
    return possible;
  }

  /** The largest set that nothing is known about. */
  #unknown(): number | undefined {
    let best: number | undefined;
    for (let set = 0; set < 1 << this.#properties.length; set++) {
      if (this.maximal.some((other) => within(set, other)) || this.minimal.some((other) => within(other, set)))
        continue;
      if (best === undefined || size(set) > size(best)) best = set;
    }
    return best;
  }

  explore(): Frontier {
    for (let set = this.#unknown(); set !== undefined; set = this.#unknown()) {
      const bits = this.#properties.map((_, i) => 1 << i);
      if (this.#can(set)) {
        for (const bit of bits) if (!(set & bit) && this.#can(set | bit)) set |= bit;
        this.maximal.push(set);
      } else {
        for (const bit of bits) if (set & bit && !this.#can(set & ~bit)) set &= ~bit;
        this.minimal.push(set);
      }
      this.#told(this.maximal.length, this.minimal.length);
    }
    return { properties: this.#properties, maximal: this.maximal, minimal: this.minimal };
  }
}
