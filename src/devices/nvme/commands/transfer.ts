/** Moves of commands' data between the controller and the host's memory: described first, then done, many at a time. */
import { type DmaPiece, type DmaPort, PLAIN } from '../../../iommu/dma.js';
import type { Command } from '../command.js';
import { dataExtents, type Extent } from '../data-pointer.js';
import { CommandError, STATUS } from '../status.js';
import { MAX_TRANSFER } from './identify.js';

/** The data of a command, and where it is in the host's memory. */
export interface Move {
  readonly toHost: boolean;
  readonly pieces: readonly DmaPiece[];
  /** Bytes of all pieces together. */
  readonly size: number;
}

/** Bytes that the controller can keep for moves that are described and not done yet. */
const ROOM = 2 * MAX_TRANSFER;

export class Transfer {
  readonly #dma: DmaPort;
  readonly #buffer = new Uint8Array(ROOM);
  #used = 0;
  /** Bytes of a page of the host. */
  pageSize = 4096;
  readonly #read = (address: bigint, into: Uint8Array): boolean =>
    this.#dma.read(address, into, PLAIN).moved === into.length;

  constructor(dma: DmaPort) {
    this.#dma = dma;
  }

  /** There is room for the data of any command. */
  get hasRoom(): boolean {
    return this.#used + MAX_TRANSFER <= ROOM;
  }

  /** All moves that were described are done: their buffers are free. */
  release(): void {
    this.#used = 0;
  }

  /** Room for a command's data; valid until release(). @throws CommandError more than the largest transfer */
  buffer(size: number): Uint8Array {
    limit(size);
    const buffer = this.#buffer.subarray(this.#used, this.#used + size);
    this.#used += size;
    return buffer;
  }

  /** The host's data is to come into a buffer. @throws CommandError */
  fromHost(command: Command, bytes: Uint8Array): Move {
    return move(dataExtents(command, bytes.length, this.pageSize, false, this.#read), [bytes], false);
  }

  /**
   * Data is to go to the host.
   * @param size bytes; @param data gives them, once the command's pointers are found to be right
   * @throws CommandError
   */
  toHost(command: Command, size: number, data: () => readonly Uint8Array[]): Move {
    limit(size);
    return move(dataExtents(command, size, this.pageSize, true, this.#read), data(), true);
  }

  /** Does moves of one direction in their order. Returns for each what went wrong. */
  run(moves: readonly Move[]): (CommandError | undefined)[] {
    const results: (CommandError | undefined)[] = [];
    while (results.length < moves.length) {
      const rest = moves.slice(results.length);
      const [first] = rest as [Move];
      const pieces = rest.length === 1 ? first.pieces : rest.flatMap((it) => it.pieces);
      const { moved, fault } = this.#dma.moveAll(pieces, first.toHost, PLAIN);
      let left = moved;
      for (const { size } of rest) {
        if (left >= size) results.push(undefined);
        else {
          results.push(
            new CommandError(STATUS.DATA_TRANSFER_ERROR, `${left} of ${size} bytes could be moved: ${fault}`),
          );
          // Where one fails the next one begins anew.
          break;
        }
        left -= size;
      }
    }
    return results;
  }
}

/** @throws CommandError more than the largest transfer */
function limit(size: number): void {
  if (size > MAX_TRANSFER) throw new CommandError(STATUS.INVALID_FIELD, `${size} bytes are more than ${MAX_TRANSFER}`);
}

/** Cuts both sides where either has an end. */
function move(extents: readonly Extent[], data: readonly Uint8Array[], toHost: boolean): Move {
  const pieces: DmaPiece[] = [];
  let size = 0;
  let [index, at] = [0, 0];
  for (const { address, size: length } of extents) {
    for (let done = 0; done < length; ) {
      const bytes = data[index] as Uint8Array;
      const count = Math.min(bytes.length - at, length - done);
      if (address !== undefined) {
        pieces.push({ iova: address + BigInt(done), bytes: bytes.subarray(at, at + count) });
        size += count;
      }
      done += count;
      at += count;
      if (at === bytes.length) [index, at] = [index + 1, 0];
    }
  }
  return { toHost, pieces, size };
}
