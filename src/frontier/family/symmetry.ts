/**
 * What is alike in a family: a memory's values but 0, with which it begins, mean nothing by themselves. So an exclusion
 * holds with those values renamed. A VM's memory is the greatest of its proofs' answers, which knows an order: its values
 * are renamed only where no list has two proofs.
 */
import type { Entry, Family, Question } from './family.js';

type Kind = 'file' | 'proof' | 'vm';
type Renaming = Readonly<Record<Kind, readonly number[]>>;
/** Which memory a question answers with. */
const WRITTEN: Readonly<Partial<Record<Question, Kind>>> = {
  fileChanged: 'file',
  proofShown: 'proof',
  proofChanged: 'proof',
  vmShown: 'vm',
  vmListed: 'vm',
};

/** The orders of 0 to n - 1 that begin with 0. */
function orders(n: number): number[][] {
  const all = (rest: readonly number[]): number[][] =>
    rest.length === 0
      ? [[]]
      : rest.flatMap((first) => all(rest.filter((each) => each !== first)).map((o) => [first, ...o]));
  return all(Array.from({ length: n - 1 }, (_, i) => i + 1)).map((order) => [0, ...order]);
}

export type Answers = readonly (readonly [entry: number, answer: number])[];

export class Renamings {
  readonly #family: Family;
  readonly #renamings: readonly Renaming[];
  readonly #numbers = new Map<string, number>();

  constructor(family: Family) {
    this.#family = family;
    const { file, proof, vm } = family.size;
    // Times are no names.
    const times = family.size.clock > 1 ? [Array.from({ length: vm }, (_, i) => i)] : orders(vm);
    this.#renamings = orders(file).flatMap((f) =>
      orders(proof).flatMap((p) => times.map((v) => ({ file: f, proof: p, vm: v }))),
    );
    for (const [index, { question, at }] of family.entries.entries()) this.#numbers.set(key(question, at), index);
  }

  /** The answers under each renaming, as they are first. @param lists true: a list may have two proofs */
  of(answers: Answers, lists: boolean): Answers[] {
    const same = (order: readonly number[]): boolean => order.every((to, from) => to === from);
    return this.#renamings
      .filter(({ vm }) => !lists || same(vm))
      .map((renaming) =>
        answers.map(([entry, answer]) => {
          const { question, at } = this.#family.entries[entry] as Entry;
          const named = { ...at };
          for (const kind of ['file', 'proof', 'vm'] as const)
            if (at[kind] !== undefined) named[kind] = renaming[kind][at[kind]] as number;
          const written = WRITTEN[question];
          const number = this.#numbers.get(key(question, named)) as number;
          return [number, written ? (renaming[written][answer] as number) : answer] as const;
        }),
      );
  }
}

const key = (question: Question, at: Entry['at']): string =>
  `${question} ${Object.entries(at)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, value]) => `${name}${value}`)
    .join()}`;
