/**
 * Submission and completion queues: rings in the host's memory, and their doorbells (Base Specification 2.0, 3.3).
 * A doorbell is a level: the latest value says everything, so that looking at it now and then loses nothing.
 */
import { type DmaPiece, type DmaPort, OF_QUEUE } from '../../iommu/dma.js';
import type { PolledRegister } from '../../pci/polled-register.js';
import { COMMAND_SIZE, Command } from './command.js';
import { type Status, statusField } from './status.js';

const COMPLETION_SIZE = 16;
/** Dwords 0 to 2; dword 3 has the phase and is written after them. */
const COMPLETION_HEAD = 12;

/** The host's ring cannot be reached: fatal for the controller. */
export class RingError extends Error {
  override readonly name = 'RingError';
}

export class CompletionQueue {
  readonly id: number;
  /** Entries. */
  readonly size: number;
  /** Interrupt vector; undefined: no interrupts. */
  readonly vector: number | undefined;
  /** Submission queues that complete here. */
  readonly users = new Set<number>();
  readonly #base: bigint;
  readonly #doorbell: PolledRegister;
  #tail = 0;
  #phase = 1;
  #head = 0;
  /** Completions that are not in memory yet. */
  #waiting = 0;
  readonly #entries: DataView;

  /** @param base I/O virtual address */
  constructor(id: number, base: bigint, size: number, vector: number | undefined, doorbell: PolledRegister) {
    this.id = id;
    this.#base = base;
    this.size = size;
    this.vector = vector;
    this.#doorbell = doorbell;
    this.#entries = new DataView(new ArrayBuffer(size * COMPLETION_SIZE));
    doorbell.set(0);
  }

  /** There are completions that the host has not taken. */
  get pending(): boolean {
    return this.#head !== this.#tail;
  }

  /** How many more completions there is room for. */
  get room(): number {
    return ((this.#head - this.#tail - 1 + this.size) % this.size) - this.#waiting;
  }

  /** Looks at the head doorbell. @returns undefined: nothing new; false: a value that cannot be */
  look(): boolean | undefined {
    if (!this.#doorbell.look()) return undefined;
    const head = this.#doorbell.value;
    // The head moves forward, at most to the tail.
    const taken = (head - this.#head + this.size) % this.size;
    if (head >= this.size || taken > (this.#tail - this.#head + this.size) % this.size) return false;
    this.#head = head;
    return true;
  }

  /** Adds a completion; it is in memory after flush(). There is room. @param result dword 0 */
  push(submission: SubmissionQueue, command: number, status: Status, result: number): void {
    const slot = (this.#tail + this.#waiting) % this.size;
    const phase = slot < this.#tail ? 1 - this.#phase : this.#phase;
    const at = slot * COMPLETION_SIZE;
    this.#entries.setUint32(at, result, true);
    this.#entries.setUint32(at + 4, 0, true);
    this.#entries.setUint32(at + 8, submission.head | (submission.id << 16), true);
    this.#entries.setUint32(at + 12, (command | (phase << 16) | (statusField(status) << 17)) >>> 0, true);
    this.#waiting++;
  }

  /**
   * Writes what was added into the ring: of each entry dwords 0 to 2, then the dword with the phase. Returns true if there
   * was something.
   * @throws RingError
   */
  flush(dma: DmaPort): boolean {
    const count = this.#waiting;
    if (count === 0) return false;
    const pieces: DmaPiece[] = [];
    for (; this.#waiting > 0; this.#waiting--) {
      const at = this.#tail * COMPLETION_SIZE;
      pieces.push(this.#piece(at, COMPLETION_HEAD));
      pieces.push(this.#piece(at + COMPLETION_HEAD, COMPLETION_SIZE - COMPLETION_HEAD));
      this.#tail = (this.#tail + 1) % this.size;
      if (this.#tail === 0) this.#phase = 1 - this.#phase;
    }
    if (dma.moveAll(pieces, true, OF_QUEUE).moved < count * COMPLETION_SIZE)
      throw new RingError(`completion queue ${this.id} cannot be written`);
    return true;
  }

  #piece(at: number, size: number): DmaPiece {
    return { iova: this.#base + BigInt(at), bytes: new Uint8Array(this.#entries.buffer, at, size) };
  }
}

export class SubmissionQueue {
  readonly id: number;
  /** Entries. */
  readonly size: number;
  readonly completions: CompletionQueue;
  /** The next entry that the controller takes. */
  head = 0;
  readonly #base: bigint;
  readonly #doorbell: PolledRegister;
  #tail = 0;
  readonly #entries: DataView;
  readonly #commands: readonly Command[];

  /** @param batch commands that are fetched at a time */
  constructor(
    id: number,
    base: bigint,
    size: number,
    completions: CompletionQueue,
    doorbell: PolledRegister,
    batch: number,
  ) {
    this.id = id;
    this.#base = base;
    this.size = size;
    this.completions = completions;
    this.#doorbell = doorbell;
    this.#entries = new DataView(new ArrayBuffer(Math.min(batch, size) * COMMAND_SIZE));
    this.#commands = Array.from(
      { length: Math.min(batch, size) },
      (_, i) => new Command(new DataView(this.#entries.buffer, i * COMMAND_SIZE, COMMAND_SIZE)),
    );
    doorbell.set(0);
  }

  get hasWork(): boolean {
    return this.head !== this.#tail;
  }

  /** Looks at the tail doorbell. @returns undefined: nothing new; false: a value that cannot be */
  look(): boolean | undefined {
    if (!this.#doorbell.look()) return undefined;
    if (this.#doorbell.value >= this.size) return false;
    this.#tail = this.#doorbell.value;
    return true;
  }

  /**
   * Fetches the next commands; the caller moves `head` over each as it is done with it.
   * @throws RingError
   */
  fetch(dma: DmaPort): readonly Command[] {
    const end = this.#tail < this.head ? this.size : this.#tail;
    const count = Math.min(end - this.head, this.#commands.length);
    const bytes = new Uint8Array(this.#entries.buffer, 0, count * COMMAND_SIZE);
    if (dma.read(this.#base + BigInt(this.head * COMMAND_SIZE), bytes, OF_QUEUE).moved < bytes.length)
      throw new RingError(`submission queue ${this.id} cannot be read`);
    return count === this.#commands.length ? this.#commands : this.#commands.slice(0, count);
  }
}
