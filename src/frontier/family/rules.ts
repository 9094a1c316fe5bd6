/**
 * A table of a family as rules: for each question, for the memories that are met, the simplest condition on the facts
 * that gives each answer. Entries that no story reaches are filled in by what makes the rules simple.
 */
import type { FileFacts } from '../../authority/policy.js';
import { POSSIBLE_FACTS } from '../../check/world.js';
import type { Entry, Family, Question } from './family.js';

/** A condition on the facts: as code over `facts`, and in words. */
interface Condition {
  readonly code: string;
  readonly words: string;
  readonly holds: (facts: FileFacts) => boolean;
}

const ALWAYS: Condition = { code: 'true', words: 'always', holds: () => true };
const CONDITIONS: readonly Condition[] = [
  ALWAYS,
  { code: 'facts.need', words: 'need', holds: ({ need }) => need },
  { code: 'facts.bound', words: 'a device is bound', holds: ({ bound }) => bound },
  { code: 'facts.unenforced', words: 'a unit that cannot enforce snoop', holds: ({ unenforced }) => unenforced },
  { code: '!facts.need', words: 'no need', holds: ({ need }) => !need },
  { code: '!facts.bound', words: 'no device is bound', holds: ({ bound }) => !bound },
  { code: '!facts.unenforced', words: 'no unit that cannot enforce snoop', holds: ({ unenforced }) => !unenforced },
  {
    ...{ code: 'facts.bound && !facts.need', words: 'a device is bound, and there is no need' },
    holds: ({ bound, need }) => bound && !need,
  },
  {
    ...{ code: 'facts.need && facts.unenforced', words: 'need, and a unit that cannot enforce snoop' },
    holds: ({ need, unenforced }) => need && unenforced,
  },
  {
    ...{ code: 'facts.need && !facts.unenforced', words: 'need, and every unit can enforce snoop' },
    holds: ({ need, unenforced }) => need && !unenforced,
  },
  {
    ...{ code: 'facts.need || facts.unenforced', words: 'need, or a unit that cannot enforce snoop' },
    holds: ({ need, unenforced }) => need || unenforced,
  },
];

/** Exactly these combinations: where no simpler condition fits. */
function exactly(indices: readonly number[]): Condition {
  const terms = indices.map((index) => {
    const facts = POSSIBLE_FACTS[index] as FileFacts;
    return (['need', 'bound', 'unenforced'] as const)
      .map((fact) => `${facts[fact] ? '' : '!'}facts.${fact}`)
      .join(' && ');
  });
  return {
    code: terms.map((term) => `(${term})`).join(' || '),
    words: terms
      .map((term) => term.replaceAll('facts.', '').replaceAll('!', 'no ').replaceAll(' && ', ', '))
      .join('; or '),
    holds: (facts) => indices.some((index) => POSSIBLE_FACTS[index] === facts),
  };
}

/** What a question is answered at one combination of its other arguments. */
export interface Rule {
  /** The arguments but the facts. */
  readonly at: Readonly<Record<string, number>>;
  /** The first whose condition holds. */
  readonly cases: readonly { readonly condition: Condition; readonly answer: number }[];
}

export interface Rules {
  readonly question: Question;
  /** About a list of proofs: the rules of the empty list. */
  readonly empty: boolean;
  readonly rules: readonly Rule[];
}

/** The simplest cases that agree with the answers; -1: whatever. */
function casesOf(answers: readonly number[], natural: number): Rule['cases'] {
  const known = [...new Set(answers.filter((answer) => answer >= 0))];
  const count = (answer: number): number => answers.filter((each) => each === answer).length;
  // The answer that is left for the rest: the natural one if it is given at all.
  const rest =
    known.includes(natural) || known.length === 0 ? natural : known.reduce((a, b) => (count(a) >= count(b) ? a : b));
  const others = known.filter((answer) => answer !== rest);
  const cases = others.map((answer) => {
    const fits = ({ holds }: Condition): boolean =>
      answers.every((each, i) => each < 0 || holds(POSSIBLE_FACTS[i] as FileFacts) === (each === answer));
    const wanted = answers.flatMap((each, i) => (each === answer ? [i] : []));
    return { condition: CONDITIONS.find(fits) ?? exactly(wanted), answer };
  });
  return [...cases, { condition: ALWAYS, answer: rest }];
}

const key = ({ facts: _, ...rest }: Entry['at']): string => JSON.stringify(rest);

/** The rules of a table. @param met the entries that a story reaches */
export function rulesOf(family: Family, table: readonly number[], met: ReadonlySet<number>): Rules[] {
  const groups = new Map<string, { question: Question; empty: boolean; byPlace: Map<string, number[]> }>();
  family.entries.forEach(({ question, at }, index) => {
    const empty = at.none === 1;
    const group = groups.get(`${question}${empty}`) ?? { question, empty, byPlace: new Map<string, number[]>() };
    groups.set(`${question}${empty}`, group);
    group.byPlace.set(key(at), [...(group.byPlace.get(key(at)) ?? []), index]);
  });
  return [...groups.values()].map(({ question, empty, byPlace }) => {
    const places = [...byPlace.values()];
    const some = places.filter((indices) => indices.some((index) => met.has(index)));
    const rules = (some.length > 0 ? some : places).map((indices): Rule => {
      const { at, natural } = family.entries[indices[0] as number] as Entry;
      const { facts: _facts, ...rest } = at;
      const answers = indices.map((index) => (met.has(index) ? (table[index] as number) : -1));
      // A question without facts has one answer.
      const spread = answers.length === 1 ? POSSIBLE_FACTS.map(() => answers[0] as number) : answers;
      return { at: rest, cases: casesOf(spread, natural) };
    });
    return { question, empty, rules };
  });
}

/** Whether one rule serves every place. */
export const uniform = ({ rules }: Rules): boolean =>
  rules.every(({ cases }) => JSON.stringify(cases) === JSON.stringify(rules[0]?.cases));

/** The whole table that rules make: a place without a rule of its own goes by the last one. */
export function filledIn(family: Family, all: readonly Rules[]): number[] {
  return family.entries.map(({ question, at }) => {
    const { rules } = all.find((each) => each.question === question && each.empty === (at.none === 1)) as Rules;
    const { facts = 0 } = at;
    const rule = rules.find((each) => JSON.stringify(each.at) === key(at)) ?? (rules.at(-1) as Rule);
    const found = rule.cases.find(({ condition }) => condition.holds(POSSIBLE_FACTS[facts] as FileFacts));
    return found?.answer ?? 0;
  });
}
