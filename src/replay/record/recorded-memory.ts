/** Memory of programs while it is recorded: it notes what the kernel reads, and what it is told of pages and limits. */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { Backing, type FrameRun } from '../../memory/backing.js';
import type { Memory, MemoryFile } from '../../memory/memory.js';
import { toBase64 } from '../trace/bytes.js';
import type { Refusal, Run } from '../trace/format.js';
import type { Tape } from './tape.js';

interface Bytes {
  read(address: bigint, into: Uint8Array): number;
  write(address: bigint, from: Uint8Array): number;
}

function read(tape: Tape, key: string, memory: Bytes, address: bigint, into: Uint8Array): number {
  const got = memory.read(address, into);
  tape.input(['read', key, hex(address), into.length, toBase64(into.subarray(0, got))]);
  return got;
}

function write(tape: Tape, key: string, memory: Bytes, address: bigint, from: Uint8Array): number {
  const done = memory.write(address, from);
  tape.wrote(key, address, from.subarray(0, done));
  if (done < from.length) tape.input(['short', key, hex(address), from.length, done]);
  return done;
}

/** Frames by names, and with backing objects that are recorded. */
function taped(tape: Tape, runs: readonly FrameRun[]): { readonly named: Run[]; readonly frames: FrameRun[] } {
  const frames = runs.map((run) => ({ ...run, backing: tape.backing(run.backing) }));
  const named = frames.map(
    ({ backing, frame, frames: count, pageShift }): Run => [
      ...([backing.key, frame, count, pageShift] as const),
      backing.isDevice ? 1 : 0,
    ],
  );
  return { named, frames };
}

/** What the environment refused; anything else is no answer. @throws what is no Errno */
export function refusal(error: unknown): Refusal {
  if (!(error instanceof Errno)) throw error;
  return { errno: error.code, reason: error.message };
}

export class RecordedMemory implements Memory {
  readonly key: string;
  readonly #tape: Tape;
  readonly #inner: Memory;

  constructor(tape: Tape, inner: Memory) {
    this.key = tape.newName('mm');
    this.#tape = tape;
    this.#inner = inner;
  }

  read(address: bigint, into: Uint8Array): number {
    return read(this.#tape, this.key, this.#inner, address, into);
  }

  write(address: bigint, from: Uint8Array): number {
    return write(this.#tape, this.key, this.#inner, address, from);
  }

  unpinnable(address: bigint, size: bigint, writable: boolean): bigint | undefined {
    const at = this.#inner.unpinnable(address, size, writable);
    this.#tape.input(['unpinnable', this.key, hex(address), hex(size), writable, at === undefined ? null : hex(at)]);
    return at;
  }

  frames(address: bigint, pages: number, writable: boolean): FrameRun[] {
    const { named, frames } = taped(this.#tape, this.#inner.frames(address, pages, writable));
    this.#tape.input(['frames', this.key, hex(address), pages, writable, named]);
    return frames;
  }

  lockLimit(): bigint | undefined {
    const limit = this.#inner.lockLimit();
    this.#tape.input(['limit', this.key, limit === undefined ? null : hex(limit)]);
    return limit;
  }

  mayExceedLockLimit(): boolean {
    const may = this.#inner.mayExceedLockLimit();
    this.#tape.input(['exceed', this.key, may]);
    return may;
  }
}

/** A backing object while it is recorded. Pins are the object's own. */
export class RecordedBacking extends Backing {
  readonly key: string;
  override readonly isDevice: boolean;
  readonly memory: Backing['memory'];
  readonly #inner: Backing;

  constructor(tape: Tape, inner: Backing) {
    super();
    this.key = tape.newName('b');
    this.isDevice = inner.isDevice;
    this.#inner = inner;
    this.memory = {
      read: (address, into) => read(tape, this.key, inner.memory, address, into),
      write: (address, from) => write(tape, this.key, inner.memory, address, from),
    };
  }

  get name(): string {
    return this.#inner.name;
  }

  get alive(): boolean {
    return this.#inner.alive;
  }

  override pin(frame: number, frames: number): void {
    this.#inner.pin(frame, frames);
  }

  override unpin(frame: number, frames: number): void {
    this.#inner.unpin(frame, frames);
  }

  protected unused(): void {}
}

/** A memory file while it is recorded. @param key its name */
export function recordedFile(tape: Tape, key: string, inner: MemoryFile): MemoryFile {
  return {
    frames: (page, pages) => {
      try {
        const { named, frames } = taped(tape, inner.frames(page, pages));
        tape.input(['frames', key, hex(page), pages, true, named]);
        return frames;
      } catch (error) {
        tape.input(['frames', key, hex(page), pages, true, refusal(error)]);
        throw error;
      }
    },
    close: () => inner.close(),
  };
}
