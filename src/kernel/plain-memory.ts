/** Memory that programs may map, made by the virtual kernel. It is here until a program maps it; then where the host has it. */
import { Facet } from './file/facet.js';
import type { MappableMemory } from './file/open-file.js';

export class PlainMemory implements MappableMemory {
  readonly size: number;
  #bytes: Uint8Array | undefined;
  #home: MappableMemory | undefined;

  constructor(size: number) {
    this.size = size;
    this.#bytes = new Uint8Array(size);
  }

  read(offset: number, into: Uint8Array): void {
    if (this.#bytes) into.set(this.#bytes.subarray(offset, offset + into.length));
    else this.#home?.read(offset, into);
  }

  write(offset: number, from: Uint8Array): void {
    if (this.#bytes) this.#bytes.set(from, offset);
    else this.#home?.write(offset, from);
  }

  /** From now on it is there, where programs see it. */
  moveTo(home: MappableMemory): void {
    if (!this.#bytes) return;
    home.write(0, this.#bytes);
    this.#home = home;
    this.#bytes = undefined;
  }
}

/** Who has memory in a file, at offsets that come and go. */
export interface GrowingMemory {
  /** How many mappings of a range of the file there are now; undefined: nobody can tell. Set by who has the file. */
  count: ((offset: bigint) => number) | undefined;
}

/** A file whose mappable memory comes and goes. */
export const GROWING = new Facet<GrowingMemory>('memory that comes and goes');
