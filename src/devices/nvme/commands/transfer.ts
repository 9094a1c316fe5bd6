/** Moves a command's data between the controller's buffer and the host's memory. */
import type { DmaPiece, DmaPort } from '../../../iommu/dma.js';
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
    this.#move(dataExtents(command, size, this.pageSize, false, this.#read), bytes, false);
    return bytes;
  }

  /** The ranges of the host's memory that a command's data goes to. @throws CommandError */
  place(command: Command, size: number): Extent[] {
    return dataExtents(command, size, this.pageSize, true, this.#read);
  }

  /** Gives data to the host. @throws CommandError */
  toHost(extents: readonly Extent[], bytes: Uint8Array): void {
    this.#move(extents, bytes, true);
  }

  #move(extents: readonly Extent[], bytes: Uint8Array, write: boolean): void {
    const pieces: DmaPiece[] = [];
    let done = 0;
    let wanted = 0;
    for (const { address, size } of extents) {
      if (address !== undefined) {
        pieces.push({ iova: address, bytes: bytes.subarray(done, done + size) });
        wanted += size;
      }
      done += size;
    }
    const { moved, fault } = this.#dma.moveAll(pieces, write, PLAIN);
    if (moved < wanted)
      throw new CommandError(STATUS.DATA_TRANSFER_ERROR, `${moved} of ${wanted} bytes could be moved: ${fault}`);
  }
}
