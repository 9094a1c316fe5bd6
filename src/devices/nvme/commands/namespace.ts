/** A namespace: a range of logical blocks over a store (NVM Command Set Specification 1.0, 2.1). */
import type { BlockStore } from '../../block-store.js';
import { CommandError, STATUS } from '../status.js';

export class Namespace {
  /** 1 and up. */
  readonly id: number;
  readonly store: BlockStore;
  /** Index of the format in use. */
  format: number;
  readonly #shifts: readonly number[];

  /** @param shifts log2 of the block sizes, by format */
  constructor(id: number, store: BlockStore, format: number, shifts: readonly number[]) {
    this.id = id;
    this.store = store;
    this.format = format;
    this.#shifts = shifts;
  }

  /** Bytes of a block. */
  get blockSize(): number {
    return 2 ** (this.#shifts[this.format] ?? 9);
  }

  /** Number of blocks. */
  get blocks(): number {
    return Math.floor(this.store.size / this.blockSize);
  }

  /** The byte where a range of blocks begins. @throws CommandError the range is not all inside */
  offset(first: bigint, count: number): number {
    if (first + BigInt(count) > BigInt(this.blocks))
      throw new CommandError(STATUS.LBA_OUT_OF_RANGE, `blocks ${first}+${count} of ${this.blocks}`);
    return Number(first) * this.blockSize;
  }
}
