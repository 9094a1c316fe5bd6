/**
 * What a recorded run hands in, step by step, while it is replayed; and what the kernel does in the step. What the kernel
 * asks for is looked up among the inputs of the step; a kernel that asks in another order, or for less, gets the same. What
 * the recorded run never looked at cannot be known: that is noted, and the answer is a plausible one.
 */
import { hex } from '../../abi/address.js';
import { ERRNO, Errno, type ErrnoName } from '../../abi/errno.js';
import { fromBase64 } from '../trace/bytes.js';
import type { Input, Refusal, StepEvent, Wrote } from '../trace/format.js';
import { Written } from '../trace/written.js';
import { SparseBytes } from './sparse-bytes.js';

/** Things of a step that were asked for and not recorded: so many are told. */
const MOST_UNKNOWN = 4;

/** What the environment refused is refused again. */
export function refused({ errno, reason }: Refusal): Errno {
  return new Errno(errno in ERRNO ? (errno as ErrnoName) : 'EIO', reason);
}

export class Stage {
  readonly #memories = new Map<string, SparseBytes>();
  #inputs: readonly Input[] = [];
  readonly #used = new Set<number>();
  #first = 0;
  #written = new Written();
  #signals = new Map<string, number>();
  #unknown = new Set<string>();

  /** The inputs of this step are handed in from now on. */
  begin({ in: inputs = [] }: StepEvent): void {
    this.#inputs = inputs;
    this.#used.clear();
    this.#first = 0;
    this.#written = new Written();
    this.#signals = new Map();
    this.#unknown = new Set();
    // What was read first counts: the kernel may have written there afterwards.
    for (const input of [...inputs].reverse())
      if (input[0] === 'read') this.#memory(input[1]).put(BigInt(input[2]), fromBase64(input[4]));
  }

  /** The next input of a kind that fits; it is used once. */
  take<K extends Input[0]>(
    kind: K,
    fits: (input: Extract<Input, readonly [K, ...unknown[]]>) => boolean,
  ): Extract<Input, readonly [K, ...unknown[]]> | undefined {
    for (let i = this.#first; i < this.#inputs.length; i++) {
      const input = this.#inputs[i];
      if (!input || this.#used.has(i) || !isKind(input, kind) || !fits(input)) continue;
      this.#used.add(i);
      while (this.#used.delete(this.#first)) this.#first++;
      return input;
    }
    return undefined;
  }

  /** The kernel asked for something that the trace does not have. */
  missing(what: string): void {
    if (this.#unknown.size < MOST_UNKNOWN) this.#unknown.add(what);
  }

  read(target: string, address: bigint, into: Uint8Array): number {
    const at = hex(address);
    const exact = this.take('read', (it) => it[1] === target && it[2] === at && it[3] === into.length);
    if (exact) {
      const bytes = fromBase64(exact[4]);
      into.set(bytes);
      return bytes.length;
    }
    if (!this.#memory(target).get(address, into)) this.missing(`${into.length} bytes at ${at} of ${target}`);
    return into.length;
  }

  write(target: string, address: bigint, from: Uint8Array): number {
    const at = hex(address);
    const short = this.take('short', (it) => it[1] === target && it[2] === at && it[3] === from.length);
    const done = short ? short[4] : from.length;
    this.#memory(target).put(address, from.subarray(0, done));
    this.#written.add(target, address, from.subarray(0, done));
    return done;
  }

  /** A device stored bytes in its BAR. */
  stored(bar: string, offset: number, bytes: Uint8Array): void {
    this.#written.add(bar, BigInt(offset), bytes);
  }

  signal(eventfd: string): void {
    this.#signals.set(eventfd, (this.#signals.get(eventfd) ?? 0) + 1);
  }

  get wrote(): readonly Wrote[] {
    return this.#written.all();
  }

  get signals(): readonly (readonly [string, number])[] {
    return [...this.#signals];
  }

  /** What was asked for in this step and not recorded. */
  get unknown(): readonly string[] {
    return [...this.#unknown];
  }

  #memory(target: string): SparseBytes {
    const memory = this.#memories.get(target) ?? new SparseBytes();
    this.#memories.set(target, memory);
    return memory;
  }
}

function isKind<K extends Input[0]>(input: Input, kind: K): input is Extract<Input, readonly [K, ...unknown[]]> {
  return input[0] === kind;
}
