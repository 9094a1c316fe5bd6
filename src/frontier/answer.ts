/** The answer to a set of properties: a policy that has them, or why there is none. */
import type { Policy } from '../authority/policy.js';
import { type CheckOptions, checkPolicy, type PolicyCheck, worldOf } from '../check/check.js';
import { type Argument, argue, type Ground } from './argument.js';
import { reasonsFor } from './conflict.js';
import { type Family, type Size, tablePolicy } from './family/family.js';
import type { Rules } from './family/rules.js';
import { inWords, moduleText } from './family/wording.js';
import type { Exclusion, Search } from './search.js';
import { type Simplest, simplest } from './simplify.js';

export interface Found {
  readonly possible: true;
  readonly table: readonly number[];
  readonly size: Size;
  readonly rules: readonly Rules[];
  /** Entries that a story reaches, and those that are not the natural answer. */
  readonly met: number;
  readonly mattering: number;
  readonly words: readonly string[];
  /** A module for `--authority FILE`. */
  readonly module: string;
  readonly check: PolicyCheck;
}
export interface Impossible {
  readonly possible: false;
  /** Undefined: the stories leave a policy that remembers more. */
  readonly argument: Argument | undefined;
}
export type Answer = (Found | Impossible) & {
  /** The properties that were asked for, without P0. */
  readonly properties: readonly string[];
  readonly candidates: number;
  readonly exclusions: number;
};

/** The search's own bounds: one descriptor is enough for every story; the answer is judged in the whole bounds. */
export const searchBounds = (options: CheckOptions): CheckOptions => ({ ...options, descriptors: 1 });

/** The table that an exclusion tells of: its answers, and natural ones elsewhere. */
export function tableOf(family: Family, { answers }: Exclusion): number[] {
  const table = family.natural();
  for (const [entry, answer] of answers) table[entry] = answer;
  return table;
}

/** The answers that an exclusion rests on. @throws Error its story does not violate its property */
export function groundOf(search: Search, exclusion: Exclusion): Ground {
  const { family, options } = search;
  const table = tableOf(family, exclusion);
  const property = search.property(exclusion.property);
  const { bounds } = worldOf(tablePolicy(family, table, '', ''), options, property.world === 'caches');
  return { exclusion, reasons: reasonsFor({ family, table, bounds }, property, exclusion.steps, exclusion.other) };
}

/** A found policy, judged on all properties. */
export function judged(search: Search, found: Simplest, name: string, options: CheckOptions, now: () => number): Found {
  const { family } = search;
  const summary = inWords(found.rules).join('; ');
  const policy: Policy = { ...tablePolicy(family, found.table, name, summary), memories: found.size };
  return {
    ...{ possible: true, ...found, words: inWords(found.rules) },
    module: moduleText(found.rules, found.size, name, summary),
    check: checkPolicy(policy, options, now),
  };
}

/** Why a set cannot be had, from what was excluded for its properties. */
export function whyNot(search: Search, ids: readonly string[]): Argument | undefined {
  const about = search.exclusions.filter(({ property }) => ids.includes(property));
  return argue(about.map((exclusion) => groundOf(search, exclusion)));
}

/**
 * Finds a policy with the properties (and P0), or says why there is none.
 * @param now seconds
 */
export function synthesize(
  search: Search,
  properties: readonly string[],
  options: CheckOptions,
  now: () => number,
): Answer {
  const ids = ['P0', ...properties];
  for (;;) {
    const found = simplest(search, ids);
    const count = { properties, candidates: search.candidates, exclusions: search.exclusions.length };
    if (!found) return { possible: false, argument: whyNot(search, ids), ...count };
    const answer = judged(search, found, 'found', options, now);
    // What only the whole bounds refute is excluded too, and the search goes on.
    const wrong = answer.check.refutations.filter(({ property }) => ids.includes(property));
    if (wrong.length === 0) return { ...answer, ...count };
    for (const refutation of wrong) search.takeUp(found.table, refutation, options);
  }
}
