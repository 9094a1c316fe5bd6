/** From a policy that was found to the simplest one near it: fewest memories, then no answer that could be natural. */
import { type CheckOptions, worldOf } from '../check/check.js';
import { explore } from '../check/explore.js';
import { type Family, type Question, type Size, tablePolicy } from './family/family.js';
import { filledIn, type Rules, rulesOf } from './family/rules.js';
import type { Search } from './search.js';

type Kept = 'file' | 'proof' | 'vm';
const WRITES: Readonly<Record<Kept, readonly Question[]>> = {
  file: ['fileChanged'],
  proof: ['proofShown', 'proofChanged'],
  vm: ['vmShown', 'vmListed'],
};
/** Which memories a policy keeps: none first, all last. */
const KEPT: readonly (readonly Kept[])[] = [
  [],
  ['file'],
  ['proof'],
  ['vm'],
  ['file', 'proof'],
  ['file', 'vm'],
  ['proof', 'vm'],
  ['file', 'proof', 'vm'],
];

export interface Simplest {
  /** The answers, those that no story reaches filled in. */
  readonly table: readonly number[];
  readonly rules: readonly Rules[];
  /** How much of the family's memory it uses. */
  readonly size: Size;
  /** Entries that a story reaches, and those of them that are not natural. */
  readonly met: number;
  readonly mattering: number;
}

/** The entries that the explorer looks at. */
function metBy(family: Family, table: readonly number[], options: CheckOptions): Set<number> {
  const met = new Set<number>();
  const policy = tablePolicy(family, table, 'met', '', (entry) => met.add(entry));
  for (const caches of [false, true]) explore(worldOf(policy, options, caches));
  return met;
}

/** Answers 0 wherever a memory is written that is not kept. */
function forgetting(family: Family, kept: readonly Kept[]): Map<number, number> {
  const written = (Object.keys(WRITES) as Kept[])
    .filter((each) => !kept.includes(each))
    .flatMap((each) => WRITES[each]);
  return new Map(
    family.entries.flatMap(({ question }, index) => (written.includes(question) ? [[index, 0] as const] : [])),
  );
}

/** The memories that a table writes. */
function used(family: Family, table: readonly number[]): Size {
  const most = (kept: Kept): number =>
    family.entries.reduce(
      (values, { question }, index) =>
        WRITES[kept].includes(question) ? Math.max(values, (table[index] as number) + 1) : values,
      1,
    );
  return { file: most('file'), proof: most('proof'), vm: most('vm'), clock: family.size.clock };
}

/**
 * The simplest policy with the properties that the search finds.
 * @returns undefined: there is none in the family
 */
export function simplest(search: Search, ids: readonly string[]): Simplest | undefined {
  const { family } = search;
  // Quickly first whether there is one at all.
  if (!search.find(ids, new Map(), true)) return undefined;
  for (const kept of KEPT) {
    const fixed = forgetting(family, kept);
    let table = search.find(ids, fixed, true) && search.find(ids, fixed);
    if (!table) continue;
    for (;;) {
      const better = natural(search, ids, fixed, table);
      const rules = rulesOf(family, better.table, better.met);
      const filled = filledIn(family, rules);
      // The whole bounds decide.
      if (
        !search.refute(
          filled,
          ids.map((id) => search.property(id)),
          false,
        )
      ) {
        const mattering = [...better.met].filter((entry) => filled[entry] !== family.entries[entry]?.natural).length;
        return { table: filled, rules, size: used(family, filled), met: better.met.size, mattering };
      }
      table = search.find(ids, fixed);
      if (!table) break;
    }
  }
  return undefined;
}

/** Puts each answer back to the natural one, where a policy with the properties is left. */
function natural(search: Search, ids: readonly string[], fixed: ReadonlyMap<number, number>, from: readonly number[]) {
  const { family } = search;
  const bounds = { ...search.options, descriptors: 1 };
  let table = from;
  let met = metBy(family, table, bounds);
  const wanted = new Map(fixed);
  const strange = (entry: number): boolean => met.has(entry) && table[entry] !== family.entries[entry]?.natural;
  for (const [entry, { natural: answer }] of family.entries.entries()) {
    if (fixed.has(entry)) continue;
    if (!strange(entry)) {
      wanted.set(entry, answer);
      continue;
    }
    const better = search.find(ids, new Map([...wanted, [entry, answer]]), true);
    if (
      !better ||
      search.refute(
        better,
        ids.map((id) => search.property(id)),
        false,
      )
    )
      continue;
    table = better;
    met = metBy(family, table, bounds);
    wanted.set(entry, answer);
  }
  return { table, met };
}
