/**
 * Memory of a device that is handed on as a descriptor (Linux: dma-buf). It is neither pinned nor charged. Its exporter may
 * take it back at any time: then it vanishes from every mapping, for ever.
 */

import { addressOfPage } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { Facet } from '../kernel/file/facet.js';
import type { Backing, FrameRun } from '../memory/backing.js';
import type { PageSource } from './page-source.js';

/** The buffer behind an open file. */
export const DMA_BUF = new Facet<DmaBuf>('dma-buf');

/** One exported buffer. */
export class DmaBuf {
  readonly name: string;
  /** Bytes, whole pages. */
  readonly size: number;
  readonly backing: Backing;
  /** Ranges of the device's memory that it is made of. */
  readonly ranges: number;
  revoked = false;
  readonly #importers = new Set<() => void>();

  constructor(name: string, size: number, backing: Backing, ranges = 1) {
    this.name = name;
    this.size = size;
    this.backing = backing;
    this.ranges = ranges;
  }

  /** Takes the memory back, or offers it again; mappings that were made before stay empty. */
  revoke(revoked: boolean): void {
    this.revoked = revoked;
    for (const gone of this.#importers) gone();
    this.#importers.clear();
  }

  /** @param gone called once, when the memory is taken back. @throws ENODEV it is; EOPNOTSUPP it has several ranges */
  import(gone: () => void): () => void {
    if (this.revoked) throw new Errno('ENODEV', `${this.name} was taken back by its exporter`);
    if (this.ranges !== 1)
      throw new Errno('EOPNOTSUPP', `${this.name} has ${this.ranges} ranges; only one can be mapped`);
    this.#importers.add(gone);
    return () => this.#importers.delete(gone);
  }
}

/** Pages of a buffer, as a source of mappings. */
export class DmaBufPages implements PageSource {
  readonly kind = 'dma-buf';
  readonly #buffer: DmaBuf;
  readonly #page: number;
  readonly #leave: () => void;
  readonly #put: () => void;

  /**
   * @param page its first page in the buffer
   * @param gone called when the memory is taken back; @param put called when no mapping is left. @throws ENODEV
   */
  constructor(buffer: DmaBuf, page: number, gone: () => void, put: () => void) {
    this.#buffer = buffer;
    this.#page = page;
    this.#leave = buffer.import(gone);
    this.#put = put;
  }

  get origin(): bigint {
    return addressOfPage(this.#page);
  }

  frames(first: number, pages: number): FrameRun[] {
    return [{ backing: this.#buffer.backing, frame: this.#page + first, frames: pages, pageShift: 12 }];
  }

  close(): void {
    this.#leave();
    this.#put();
  }
}
