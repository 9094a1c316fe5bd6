/** Where the bytes of a disk are: a store that devices read and write by offset. Who runs the machine may give others. */
export interface BlockStore {
  /** Bytes. */
  readonly size: number;
  /** Reads bytes, all of them inside the store; what was never written reads as zero. @throws Error the medium failed */
  read(offset: number, into: Uint8Array): void;
  /** Writes bytes; they survive a loss of power only after flush(). @throws Error the medium failed */
  write(offset: number, from: Uint8Array): void;
  /** Writes zeros, and lets go of what held the bytes. @throws Error the medium failed */
  zero(offset: number, size: number): void;
  /** What was written before survives. @throws Error the medium failed */
  flush(): void;
}

/** Makes the store of a namespace from a file. @param size bytes, for a file that does not exist yet */
export type OpenStore = (file: string, size: number | undefined) => BlockStore;

const CHUNK = 1 << 16;

/** A disk in memory that grows with what is written. */
export class MemoryStore implements BlockStore {
  readonly size: number;
  readonly #chunks: (Uint8Array | undefined)[] = [];

  /** @param size bytes */
  constructor(size: number) {
    this.size = size;
  }

  read(offset: number, into: Uint8Array): void {
    this.#each(offset, into.length, (chunk, at, done, size) => {
      const bytes = this.#chunks[chunk];
      if (bytes) into.set(bytes.subarray(at, at + size), done);
      else into.fill(0, done, done + size);
    });
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

  flush(): void {
    // There is nothing that a loss of power would leave behind.
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
