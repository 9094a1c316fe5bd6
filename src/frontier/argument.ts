/**
 * Why a set of properties cannot be had: a tree of questions that every policy has to answer, whatever it remembers. At
 * each branch it answers no or yes; at each leaf a story violates a property. A question is what a policy was told until
 * then, so the argument does not depend on how much a policy can remember, only on the stories.
 */
import type { Step } from '../check/steps.js';
import type { Reason } from './conflict.js';
import type { Exclusion } from './search.js';
import { Solver } from './solver.js';

/** A story that violates a property if the policy answers so. */
export interface Leaf {
  readonly property: string;
  readonly steps: readonly Step[];
  readonly other?: readonly Step[];
  readonly wrong: string;
  /** What it comes from. */
  readonly exclusion: Exclusion;
}
/** A question, and what follows from each answer. */
export interface Branch {
  readonly reason: Reason;
  readonly no: Argument;
  readonly yes: Argument;
}
export type Argument = Leaf | Branch;

/** An exclusion with the answers that it rests on. */
export interface Ground {
  readonly exclusion: Exclusion;
  readonly reasons: readonly Reason[];
}

/** The grounds as clauses over numbered questions. */
class Questions {
  readonly #numbers = new Map<string, number>();
  readonly first: Reason[] = [];

  literal({ key, answer }: Reason, reason: Reason): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      this.first.push(reason);
      number = this.first.length;
      this.#numbers.set(key, number);
    }
    return answer ? number : -number;
  }
}

interface Clause {
  readonly ground: Ground;
  /** The answers that make the story go wrong. */
  readonly answers: ReadonlySet<number>;
}

function satisfiable(clauses: readonly Clause[], questions: number): boolean {
  const solver = new Solver();
  for (let i = 0; i < questions; i++) solver.variable(false);
  for (const { answers } of clauses) solver.add([...answers].map((answer) => -answer));
  return solver.solve() !== undefined;
}

/** The fewest grounds that leave no answer, tried from the longest stories on; undefined: some answer is left. */
function core(clauses: readonly Clause[], questions: number): Clause[] | undefined {
  if (satisfiable(clauses, questions)) return undefined;
  const weight = ({ ground: { exclusion }, answers }: Clause): number =>
    exclusion.steps.length + (exclusion.other?.length ?? 0) + 3 * answers.size;
  let left = [...clauses].sort((a, b) => weight(b) - weight(a));
  for (let size = Math.ceil(left.length / 2); size >= 1; size = Math.floor(size / 2))
    for (let at = 0; at < left.length; ) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (satisfiable(without, questions)) at += size;
      else left = without;
    }
  return left;
}

/** The smallest tree over the clauses, by trying each question first. */
function treeOf(
  clauses: readonly Clause[],
  first: readonly Reason[],
  limit: number,
): { tree: Argument; leaves: number } | undefined {
  const done = clauses.find(({ answers }) => answers.size === 0);
  if (done) {
    const { exclusion } = done.ground;
    const { property, steps, other, wrong } = exclusion;
    return { tree: { property, steps, ...(other && { other }), wrong, exclusion }, leaves: 1 };
  }
  if (limit < 2) return undefined;
  const given = (answer: number): Clause[] =>
    clauses
      .filter(({ answers }) => !answers.has(-answer))
      .map(({ ground, answers }) => ({ ground, answers: new Set([...answers].filter((each) => each !== answer)) }));
  let best: { tree: Argument; leaves: number } | undefined;
  const candidates = new Set(clauses.flatMap(({ answers }) => [...answers].map(Math.abs)));
  // What is asked early in a story is asked first.
  const ordered = [...candidates].sort((a, b) => (first[a - 1]?.after.length ?? 0) - (first[b - 1]?.after.length ?? 0));
  for (const question of ordered) {
    const most = (best?.leaves ?? limit + 1) - 1;
    const no = treeOf(given(-question), first, most - 1);
    const yes = no && treeOf(given(question), first, most - no.leaves);
    if (!no || !yes) continue;
    const reason = first[question - 1] as Reason;
    best = { tree: { reason, no: no.tree, yes: yes.tree }, leaves: no.leaves + yes.leaves };
  }
  return best;
}

/** The argument from stories; undefined: they leave some policy, with a longer memory. */
export function argue(grounds: readonly Ground[]): Argument | undefined {
  const questions = new Questions();
  const clauses = grounds.map((ground) => ({
    ground,
    answers: new Set(ground.reasons.map((reason) => questions.literal(reason, reason))),
  }));
  const fewest = core(clauses, questions.first.length);
  if (!fewest) return undefined;
  for (let limit = 2; limit <= 2 * fewest.length + 8; limit++) {
    const found = treeOf(fewest, questions.first, limit);
    if (found) return found.tree;
  }
  return undefined;
}
