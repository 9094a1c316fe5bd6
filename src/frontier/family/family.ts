/**
 * The family of policies that the search goes through: finite tables. A policy whose memories are numbers below a bound
 * is a table with an entry for each question that it can be asked, over its memory, the facts and what it is given.
 * Where it is given a list of proofs, each proof has an entry of its own and the greatest answer counts (right(V): one
 * proof is enough); an empty list has an entry too. Numbers of VMs count as none or some.
 */
import type { FileFacts, Policy, Proof } from '../../authority/policy.js';
import { type Memories, POSSIBLE_FACTS } from '../../check/world.js';

/** The possible facts by name, in the order of POSSIBLE_FACTS. */
export const FACT_NAMES: readonly string[] = ['nothing', 'bound', 'need', 'unenforced', 'need+unenforced'];
const FACT_COUNT = POSSIBLE_FACTS.length;
const factsIndex = ({ need, bound, unenforced }: FileFacts): number =>
  bound ? 1 + (need ? 1 : 0) + (unenforced ? 2 : 0) : 0;

export const factsName = (facts: FileFacts): string => FACT_NAMES[factsIndex(facts)] ?? '';

export type Question =
  | 'fileChanged'
  | 'fileRight'
  | 'vmShown'
  | 'vmListed'
  | 'proofShown'
  | 'proofChanged'
  | 'vmRight'
  | 'mayShow'
  | 'mayEndNeed';

/** How many values each memory takes, and how many times the clock shows: 1, and the policy looks at none. */
export interface Size extends Memories {
  readonly clock: number;
}

/** One entry: a question with its arguments, and what it can be answered. */
export interface Entry {
  readonly question: Question;
  /** Arguments by name; `none`: the list of proofs is empty. */
  readonly at: Readonly<Record<string, number>>;
  readonly name: string;
  /** Number of answers. */
  readonly answers: number;
  /** What a policy answers that does not care: it keeps its memory, gives no right, refuses nothing. */
  readonly natural: number;
}

interface Dimension {
  readonly name: string;
  readonly values: number;
}

const FACT: Dimension = { name: 'facts', values: FACT_COUNT };
const SOME: Dimension = { name: 'others', values: 2 };

export class Family {
  readonly size: Size;
  readonly entries: readonly Entry[];
  readonly #start = new Map<Question, number>();

  constructor(size: Size) {
    this.size = size;
    const file = { name: 'file', values: size.file };
    const proof = { name: 'proof', values: size.proof };
    const vm = { name: 'vm', values: size.vm };
    const clock = { name: 'clock', values: size.clock };
    // The question, how many answers it has, its arguments, the natural answer (a name: that memory), about a list?
    const shapes: [Question, number, readonly Dimension[], string | 0 | 1, boolean?][] = [
      ['fileChanged', size.file, [file, FACT], 'file'],
      ['fileRight', 2, [file, FACT], 0],
      ['vmShown', size.vm, [vm, file, FACT, clock], 'vm'],
      ['vmListed', size.vm, [vm, proof, file, FACT], 'vm', true],
      ['proofShown', size.proof, [file, FACT], 0],
      ['proofChanged', size.proof, [proof, FACT], 'proof'],
      ['vmRight', 2, [vm, clock, proof, file, FACT], 0, true],
      ['mayShow', 2, [SOME, FACT], 1],
      ['mayEndNeed', 2, [SOME], 1],
    ];
    const entries: Entry[] = [];
    for (const [question, answers, dimensions, natural, listed] of shapes) {
      this.#start.set(question, entries.length);
      const add = (at: Record<string, number>, name: string): void => {
        entries.push({
          question,
          at,
          name,
          answers,
          natural: typeof natural === 'string' ? (at[natural] ?? 0) : natural,
        });
      };
      const all = dimensions.reduce((product, { values }) => product * values, 1);
      for (let index = 0; index < all; index++) add(...this.#arguments(question, dimensions, index));
      // The empty list: the arguments before those of a proof.
      const before = dimensions.slice(
        0,
        dimensions.findIndex(({ name }) => name === 'proof'),
      );
      const empty = listed ? before.reduce((product, { values }) => product * values, 1) : 0;
      for (let index = 0; index < empty; index++) {
        const [at, name] = this.#arguments(question, before, index);
        add({ ...at, none: 1 }, name.replace(')', ', no proof)'));
      }
    }
    this.entries = entries;
  }

  #arguments(question: Question, dimensions: readonly Dimension[], index: number): [Record<string, number>, string] {
    const at: Record<string, number> = {};
    let rest = index;
    for (const { name, values } of [...dimensions].reverse()) {
      at[name] = rest % values;
      rest = Math.floor(rest / values);
    }
    const words = dimensions
      .filter(({ values }) => values > 1)
      .map(({ name }) => {
        if (name === 'facts') return FACT_NAMES[at[name] ?? 0];
        if (name === 'others') return at[name] ? 'some VM' : 'no VM';
        return `${name} ${at[name]}`;
      });
    return [at, `${question}(${words.join(', ')})`];
  }

  /** Number of the entry of a question. */
  fileChanged = (memory: number, facts: FileFacts): number =>
    this.#at('fileChanged') + memory * FACT_COUNT + factsIndex(facts);
  fileRight = (memory: number, facts: FileFacts): number =>
    this.#at('fileRight') + memory * FACT_COUNT + factsIndex(facts);
  vmShown = (memory: number, file: number, facts: FileFacts, now: number): number =>
    this.#at('vmShown') +
    ((memory * this.size.file + file) * FACT_COUNT + factsIndex(facts)) * this.size.clock +
    Math.min(now, this.size.clock - 1);
  proofShown = (file: number, facts: FileFacts): number =>
    this.#at('proofShown') + file * FACT_COUNT + factsIndex(facts);
  proofChanged = (memory: number, facts: FileFacts): number =>
    this.#at('proofChanged') + memory * FACT_COUNT + factsIndex(facts);
  mayShow = (others: number, facts: FileFacts): number =>
    this.#at('mayShow') + Math.min(others, 1) * FACT_COUNT + factsIndex(facts);
  mayEndNeed = (vms: number): number => this.#at('mayEndNeed') + Math.min(vms, 1);
  /** Of one proof of the list; of the empty list when not given. */
  vmListed = (memory: number, proof?: Proof): number =>
    this.#at('vmListed') +
    (proof ? memory * this.#proofs() + this.#proof(proof) : this.size.vm * this.#proofs() + memory);
  vmRight = (memory: number, now: number, proof?: Proof): number => {
    const { vm, clock } = this.size;
    const at = memory * clock + Math.min(now, clock - 1);
    return this.#at('vmRight') + (proof ? at * this.#proofs() + this.#proof(proof) : vm * clock * this.#proofs() + at);
  };

  #at(question: Question): number {
    return this.#start.get(question) ?? 0;
  }

  #proofs(): number {
    return this.size.proof * this.size.file * FACT_COUNT;
  }

  #proof({ memory, file, facts }: Proof): number {
    return (memory * this.size.file + file) * FACT_COUNT + factsIndex(facts);
  }

  /** The table of a policy that does not care. */
  natural(): number[] {
    return this.entries.map(({ natural }) => natural);
  }

  /** The table of a policy. @throws RangeError its memory is not below the bounds */
  tableOf(policy: Policy): number[] {
    const facts = (at: Entry['at']): FileFacts => POSSIBLE_FACTS[at.facts ?? 0] as FileFacts;
    return this.entries.map(({ question, at, answers, name }) => {
      const { file = 0, proof = 0, vm = 0, clock = 0, others = 0 } = at;
      const list: Proof[] = at.none ? [] : [{ memory: proof, file, facts: facts(at) }];
      const asked: Record<Question, () => number | boolean> = {
        fileChanged: () => policy.fileChanged(file, facts(at)),
        fileRight: () => policy.fileRight(file, facts(at)),
        vmShown: () => policy.vmShown(vm, file, facts(at), clock),
        vmListed: () => policy.vmListed(vm, list),
        proofShown: () => policy.proofShown(file, facts(at)),
        proofChanged: () => policy.proofChanged(proof, facts(at)),
        vmRight: () => policy.vmRight(vm, list, clock),
        mayShow: () => policy.mayShow(others, facts(at)),
        mayEndNeed: () => policy.mayEndNeed(others),
      };
      const answer = Number(asked[question]());
      if (!Number.isInteger(answer) || answer < 0 || answer >= answers)
        throw new RangeError(`policy '${policy.name}' answers ${answer} to ${name}: not below ${answers}`);
      return answer;
    });
  }
}

/** A policy that answers from a table of a family. @param read told of each entry that is looked at */
export function tablePolicy(
  family: Family,
  table: readonly number[] | Uint8Array,
  name: string,
  summary: string,
  read?: (entry: number) => void,
): Policy {
  const answer = (entry: number): number => {
    read?.(entry);
    return table[entry] as number;
  };
  const { size } = family;
  return {
    ...(size.clock > 1 && { clock: true }),
    ...{ name, summary, memories: { file: size.file, proof: size.proof, vm: size.vm } },
    fileChanged: (memory, facts) => answer(family.fileChanged(memory, facts)),
    fileRight: (memory, facts) => answer(family.fileRight(memory, facts)) === 1,
    vmShown: (memory, file, facts, now) => answer(family.vmShown(memory, file, facts, now)),
    vmListed: (memory, proofs) =>
      proofs.length === 0
        ? answer(family.vmListed(memory))
        : proofs.reduce((most, proof) => Math.max(most, answer(family.vmListed(memory, proof))), 0),
    proofShown: (file, facts) => answer(family.proofShown(file, facts)),
    proofChanged: (memory, facts) => answer(family.proofChanged(memory, facts)),
    vmRight: (memory, proofs, now) =>
      proofs.length === 0
        ? answer(family.vmRight(memory, now)) === 1
        : proofs.some((proof) => answer(family.vmRight(memory, now, proof)) === 1),
    mayShow: (others, facts) => answer(family.mayShow(others, facts)) === 1,
    mayEndNeed: (vms) => answer(family.mayEndNeed(vms)) === 1,
    vmDeadline: () => undefined,
  };
}
