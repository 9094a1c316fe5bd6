/**
 * A policy that answers from a table and can say why. Each memory is followed from where it was made: which entries of
 * the table it took, and what the policy was told on the way (its history). An answer that somebody can see is kept with
 * both: the entries tell what to exclude from the table, the history tells what any policy would have been asked.
 */
import type { Policy, Proof } from '../../authority/policy.js';
import { type Family, factsName, tablePolicy } from './family.js';

/** Memories are numbered as they are made in a story; a state keeps a byte for each. */
export const MOST = 256;

/** An answer that can be seen: a right, or a permission. */
export interface Told {
  /** The question, by what the policy was told before: the same for every policy, whatever it remembers. */
  readonly key: string;
  readonly answer: boolean;
  /** The entries that the answer took. */
  readonly entries: ReadonlySet<number>;
}

interface Memory {
  readonly value: number;
  readonly entries: ReadonlySet<number>;
  readonly history: string;
}

export class Traced {
  readonly policy: Policy;
  /** The answers since this was emptied. */
  readonly told: Told[] = [];
  readonly #table: readonly number[];
  readonly #memories: Memory[] = [{ value: 0, entries: new Set(), history: '' }];

  constructor(family: Family, table: readonly number[]) {
    this.#table = table;
    const value = (memory: number): number => this.#at(memory).value;
    const plain = ({ memory, file, facts }: Proof): Proof => ({ memory: value(memory), file: value(file), facts });
    const of = ({ memory, file }: Proof): number[] => [memory, file];
    const list = (proofs: readonly Proof[]): string =>
      proofs
        .map(({ memory, file, facts }) => `[${this.#at(memory).history}|${this.#at(file).history}|${factsName(facts)}]`)
        .sort()
        .join('');
    this.policy = {
      ...tablePolicy(family, table, 'traced', ''),
      memories: { file: MOST, proof: MOST, vm: MOST },
      fileChanged: (memory, facts) =>
        this.#made(
          [family.fileChanged(value(memory), facts)],
          [memory],
          `${this.#at(memory).history}>${factsName(facts)}`,
        ),
      vmShown: (memory, file, facts, now) => {
        const told = `${this.#at(memory).history}>shown(${this.#at(file).history}|${factsName(facts)}|${now})`;
        return this.#made([family.vmShown(value(memory), value(file), facts, now)], [memory, file], told);
      },
      proofShown: (file, facts) =>
        this.#made(
          [family.proofShown(value(file), facts)],
          [file],
          `shown(${this.#at(file).history}|${factsName(facts)})`,
        ),
      proofChanged: (memory, facts) =>
        this.#made(
          [family.proofChanged(value(memory), facts)],
          [memory],
          `${this.#at(memory).history}>${factsName(facts)}`,
        ),
      vmListed: (memory, proofs) => {
        const told = `${this.#at(memory).history}>listed(${list(proofs)})`;
        const entries = proofs.map((proof) => family.vmListed(value(memory), plain(proof)));
        if (proofs.length === 0) entries.push(family.vmListed(value(memory)));
        return this.#made(entries, [memory, ...proofs.flatMap(of)], told);
      },
      fileRight: (memory, facts) =>
        this.#tell(
          [family.fileRight(value(memory), facts)],
          [memory],
          `file(${this.#at(memory).history}|${factsName(facts)})`,
        ),
      vmRight: (memory, proofs, now) => {
        const key = `vm(${this.#at(memory).history}|${list(proofs)}|${now})`;
        const entry = (proof?: Proof): number => family.vmRight(value(memory), now, proof && plain(proof));
        if (proofs.length === 0) return this.#tell([entry()], [memory], key);
        // One proof is enough for a yes; it takes all of them for a no.
        const enough = proofs.find((proof) => table[entry(proof)] === 1);
        const because = enough ? [enough] : proofs;
        return this.#tell(because.map(entry), [memory, ...because.flatMap(of)], key);
      },
      mayShow: (others, facts) =>
        this.#tell([family.mayShow(others, facts)], [], `show(${others > 0}|${factsName(facts)})`),
      mayEndNeed: (vms) => this.#tell([family.mayEndNeed(vms)], [], `end(${vms > 0})`),
    };
  }

  #at(memory: number): Memory {
    return this.#memories[memory] as Memory;
  }

  #because(entries: readonly number[], memories: readonly number[]): Set<number> {
    return new Set([...entries, ...memories.flatMap((memory) => [...this.#at(memory).entries])]);
  }

  /** A memory: the greatest answer of its entries. */
  #made(entries: readonly number[], memories: readonly number[], history: string): number {
    const value = Math.max(...entries.map((entry) => this.#table[entry] as number));
    this.#memories.push({ value, entries: this.#because(entries, memories), history });
    return this.#memories.length - 1;
  }

  #tell(entries: readonly number[], memories: readonly number[], key: string): boolean {
    const answer = entries.some((entry) => this.#table[entry] === 1);
    this.told.push({ key, answer, entries: this.#because(entries, memories) });
    return answer;
  }
}
