/** `ioasid check --frontier`: every maximal set of properties with a policy that has it, every minimal one with its argument. */
import type { Policy } from '../authority/policy.js';
import type { CheckOptions, PolicyCheck } from '../check/check.js';
import { type Found, synthesize, whyNot } from './answer.js';
import type { Argument } from './argument.js';
import { Explorer, namesOf } from './lattice.js';
import { DECIDED, type Search } from './search.js';
import { argumentLines, type Marked, nameOf, picture } from './text.js';

export interface Possible {
  readonly properties: readonly string[];
  readonly without: readonly string[];
  /** Known policies that have the whole set. */
  readonly known: readonly string[];
  /** The simplest policy that the search found. */
  readonly found: Found;
}

export interface FrontierResult {
  readonly properties: readonly string[];
  readonly possible: readonly Possible[];
  readonly impossible: readonly { readonly properties: readonly string[]; readonly argument: Argument | undefined }[];
  readonly policies: readonly Marked[];
  readonly picture: string;
  readonly bounds: CheckOptions;
  readonly size: Search['family']['size'];
}

export interface FrontierOptions {
  readonly built: readonly Policy[];
  /** The known policies, judged. */
  readonly checks: readonly PolicyCheck[];
  readonly options: CheckOptions;
  /** Seconds. */
  readonly now: () => number;
  readonly told: (text: string) => void;
}

/** The properties that a check found, as bits. */
function setOf({ refutations }: PolicyCheck, properties: readonly string[]): number {
  const refuted = new Set(refutations.map(({ property }) => property));
  return properties.reduce((set, id, i) => (refuted.has(id) ? set : set | (1 << i)), 0);
}

export function frontier(search: Search, { checks, options, now, told }: FrontierOptions): FrontierResult {
  const properties = DECIDED.map(({ id }) => id).filter((id) => id !== 'P0');
  const explorer = new Explorer(search, properties, (maximal, minimal) =>
    told(`${maximal} maximal and ${minimal} minimal sets, ${search.candidates} candidates`),
  );
  const policies = marksOf(checks, properties);
  const { maximal, minimal } = explorer.explore();
  const possible = maximal.map((set): Possible => {
    const ids = namesOf(set, properties);
    told(`the simplest policy with ${ids.join(', ')}`);
    const found = synthesize(search, ids, options, now);
    if (!found.possible) throw new Error(`the whole bounds leave no policy with ${ids.join(', ')}`);
    return {
      properties: ids,
      without: properties.filter((id) => !ids.includes(id)),
      known: policies.filter((policy) => (policy.set & set) === set).map(({ name }) => name),
      found,
    };
  });
  const impossible = minimal.map((set) => {
    const ids = namesOf(set, properties);
    return { properties: ids, argument: whyNot(search, ['P0', ...ids]) };
  });
  const sorted = possible.sort(
    (a, b) => a.without.length - b.without.length || a.without.join().localeCompare(b.without.join()),
  );
  return {
    ...{ properties, possible: sorted, impossible, policies, bounds: options, size: search.family.size },
    picture: pictureOf(properties, maximal, policies),
  };
}

/** The known policies and the maximal sets in one picture. @param maximal as bits over the properties */
export function pictureOf(
  properties: readonly string[],
  maximal: readonly number[],
  policies: readonly Marked[],
): string {
  const tops = maximal.map((set): Marked => {
    const known = policies.filter((policy) => (policy.set & set) === set).map(({ name }) => name);
    const without = properties.filter((_, i) => (set & (1 << i)) === 0);
    return { name: known.length > 0 ? known.join(', ') : `(all but ${without.join(', ')})`, set };
  });
  const order = ({ set }: Marked): string => properties.map((_, i) => (set & (1 << i) ? '0' : '1')).join('');
  const missing = (marked: Marked): number => order(marked).replaceAll('0', '').length;
  tops.sort((a, b) => missing(a) - missing(b) || order(b).localeCompare(order(a)));
  return picture(properties, tops, policies);
}

/** The known policies by what they have. */
export const marksOf = (checks: readonly PolicyCheck[], properties: readonly string[]): Marked[] =>
  checks.map((check) => ({ name: check.policy, set: setOf(check, properties) }));

export function frontierText(result: FrontierResult): string {
  const { possible, impossible, size, picture: drawn } = result;
  const sets = possible.map(({ without, known, found }) => {
    const who =
      known.length > 0 ? `had by ${known.join(', ')}; the simplest` : 'had by none of the known policies; the simplest';
    return `All but ${without.map((id) => `${id} (${nameOf(id)})`).join(' and ')}: ${who}:\n${found.words.map((line) => `  ${line}`).join('\n')}`;
  });
  const never = impossible.map(({ properties, argument }) => {
    const what = properties.map((id) => `${id} (${nameOf(id)})`).join(', ');
    if (!argument) return `Not together, with memories below ${Math.max(size.file, size.proof, size.vm)}: ${what}`;
    return `Not together, whatever a policy remembers: ${what}\n${argumentLines(argument)
      .map((line) => `  ${line}`)
      .join('\n')}`;
  });
  return ['What can be had together, if a proof is to be worth something (P0):', drawn, ...sets, ...never].join('\n\n');
}
