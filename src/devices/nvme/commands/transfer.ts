/** Moves a command's data between the controller's buffer and the host's memory. */
import type { DmaPort } from '../../../iommu/dma.js';
import type { Command } from '../command.js';
import { dataExtents, type Extent } from '../data-pointer.js';
import { PLAIN } from '../queues.js';
import { CommandError, STATUS } from '../status.js';
import { MAX_TRANSFER } from './identify.js';

export class Transfer {
  readonly #dma: DmaPort;
  readonly #buffer = new Uint8Array(MAX_TRANSFER);
  /** Bytes of a page of the host. */
  pageSize = 4096;
  readonly #read = (address: bigint, into: Uint8Array): boolean =>
    this.#dma.read(address, into, PLAIN).moved === into.length;

  constructor(dma: DmaPort) {
    this.#dma = dma;
  }

  /** Room for a command's data; valid until the next command. @throws CommandError more than the largest transfer */
  buffer(size: number): Uint8Array {
    if (size > MAX_TRANSFER)
      throw new CommandError(STATUS.INVALID_FIELD, `${size} bytes are more than ${MAX_TRANSFER}`);
    return this.#buffer.subarray(0, size);
  }

  /** Gets the host's data. @throws CommandError */
  fromHost(command: Command, size: number): Uint8Array {
    const bytes = this.buffer(size);
    this.#each(
      dataExtents(command, size, this.pageSize, false, this.#read),
      bytes,
      (address, piece) => this.#dma.read(address, piece, PLAIN).moved,
    );
    return bytes;
  }

  /** The ranges of the host's memory that a command's data goes to. @throws CommandError */
  place(command: Command, size: number): Extent[] {
    return dataExtents(command, size, this.pageSize, true, this.#read);
  }

  /** Gives data to the host. @throws CommandError */
  toHost(extents: readonly Extent[], bytes: Uint8Array): void {
    this.#each(extents, bytes, (address, piece) => this.#dma.write(address, piece, PLAIN).moved);
  }

  #each(extents: readonly Extent[], bytes: Uint8Array, move: (address: bigint, piece: Uint8Array) => number): void {
    let done = 0;
    for (const { address, size } of extents) {
      const piece = bytes.subarray(done, done + size);
      if (address !== undefined && move(address, piece) < size)
        throw new CommandError(
          STATUS.DATA_TRANSFER_ERROR,
          `${size} bytes at 0x${address.toString(16)} cannot be moved`,
        );
      done += size;
    }
  }
}
