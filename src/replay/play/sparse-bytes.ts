/** Bytes of a memory of which only some are known. */
import { offsetInPage, PAGE_SIZE } from '../../abi/address.js';

interface Page {
  readonly bytes: Uint8Array;
  /** 1 for each byte that is known. */
  readonly known: Uint8Array;
}

export class SparseBytes {
  readonly #pages = new Map<bigint, Page>();

  put(address: bigint, bytes: Uint8Array): void {
    this.#each(address, bytes.length, (number, offset, at, size) => {
      const page = this.#pages.get(number) ?? { bytes: new Uint8Array(PAGE_SIZE), known: new Uint8Array(PAGE_SIZE) };
      this.#pages.set(number, page);
      page.bytes.set(bytes.subarray(at, at + size), offset);
      page.known.fill(1, offset, offset + size);
    });
  }

  /** Fills in what is known, zeros elsewhere. Returns false if there was something that is not known. */
  get(address: bigint, into: Uint8Array): boolean {
    let all = true;
    this.#each(address, into.length, (number, offset, at, size) => {
      const page = this.#pages.get(number);
      if (page) into.set(page.bytes.subarray(offset, offset + size), at);
      else into.fill(0, at, at + size);
      all &&= page?.known.subarray(offset, offset + size).every((known) => known === 1) ?? false;
    });
    return all;
  }

  #each(address: bigint, size: number, visit: (page: bigint, offset: number, at: number, size: number) => void): void {
    for (let at = 0; at < size; ) {
      const offset = offsetInPage(address + BigInt(at));
      const part = Math.min(PAGE_SIZE - offset, size - at);
      visit((address + BigInt(at)) / BigInt(PAGE_SIZE), offset, at, part);
      at += part;
    }
  }
}
