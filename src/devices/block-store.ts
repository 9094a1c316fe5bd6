/** Where the bytes of a disk are: a store that devices read and write by offset. Who runs the machine may give others. */

/** Told once, when something is done. @param error the medium failed */
export type Done = (error?: Error) => void;

export interface BlockStore {
  /** Bytes. */
  readonly size: number;
  /** Reads bytes, all of them inside the store; what was never written reads as zero. @throws Error the medium failed */
  read(offset: number, into: Uint8Array): void;
  /** The bytes where they are, in their order, for who only looks at them before the next write; not given: read() copies. */
  peek?(offset: number, size: number): Uint8Array[];
  /** Writes bytes; they survive a loss of power only after flush(). @throws Error the medium failed */
  write(offset: number, from: Uint8Array): void;
  /** Writes zeros, and lets go of what held the bytes. @throws Error the medium failed */
  zero(offset: number, size: number): void;
  /** What was written before survives once `done` is called: before this returns, or later. */
  flush(done: Done): void;
}

/** Makes the store of a namespace from a file. @param size bytes, for a file that does not exist yet */
export type OpenStore = (file: string, size: number | undefined) => BlockStore;

/** Makes several stores' writes survive. @param done told when all are done, of the first that failed */
export function flushAll(stores: readonly BlockStore[], done: Done): void {
  let left = stores.length;
  let failure: Error | undefined;
  for (const store of stores) {
    store.flush((error) => {
      failure ??= error;
      if (--left === 0) done(failure);
    });
  }
}

const CHUNK = 1 << 16;
const ZEROS = new Uint8Array(CHUNK);

/** A disk in memory that grows with what is written. */
export class MemoryStore implements BlockStore {
  readonly size: number;
  readonly #chunks: (Uint8Array | undefined)[] = [];

  /** @param size bytes */
  constructor(size: number) {
    this.size = size;
  }

  read(offset: number, into: Uint8Array): void {
    let done = 0;
    for (const bytes of this.peek(offset, into.length)) {
      into.set(bytes, done);
      done += bytes.length;
    }
  }

  peek(offset: number, size: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    this.#each(offset, size, (chunk, at, _done, length) => {
      pieces.push((this.#chunks[chunk] ?? ZEROS).subarray(at, at + length));
    });
    return pieces;
  }

  write(offset: number, from: Uint8Array): void {
    this.#each(offset, from.length, (chunk, at, done, size) => {
      let bytes = this.#chunks[chunk];
      if (!bytes) {
        bytes = new Uint8Array(CHUNK);
        this.#chunks[chunk] = bytes;
      }
      bytes.set(from.subarray(done, done + size), at);
    });
  }

  zero(offset: number, size: number): void {
    this.#each(offset, size, (chunk, at, _done, length) => {
      if (length === CHUNK) delete this.#chunks[chunk];
      else this.#chunks[chunk]?.fill(0, at, at + length);
    });
  }

  /** There is nothing that a loss of power would leave behind. */
  flush(done: Done): void {
    done();
  }

  #each(offset: number, size: number, act: (chunk: number, at: number, done: number, size: number) => void): void {
    for (let done = 0; done < size; ) {
      const at = (offset + done) % CHUNK;
      const length = Math.min(CHUNK - at, size - done);
      act((offset + done - at) / CHUNK, at, done, length);
      done += length;
    }
  }
}
