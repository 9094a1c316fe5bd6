/**
 * Where a command's data is in the host's memory: PRP entries and lists, and scatter-gather lists
 * (Base Specification 2.0, 4.1.1 and 4.1.2). What a driver may give is bounded: a list that chains to itself ends.
 */
import type { Command } from './command.js';
import { CommandError, STATUS, type Status } from './status.js';

/** A contiguous range of I/O virtual addresses; undefined address: a bit bucket, whose bytes are dropped. */
export interface Extent {
  readonly address: bigint | undefined;
  /** Bytes. */
  size: number;
}

/** Reads the host's memory. Returns false if it cannot. */
export type ReadHost = (address: bigint, into: Uint8Array) => boolean;

/** Most descriptors, and most segments, that an SGL may have. */
const MAX_DESCRIPTORS = 1024;
const MAX_SEGMENTS = 256;
const SGL_DESCRIPTOR = 16;
const SGL = { DATA_BLOCK: 0, BIT_BUCKET: 1, SEGMENT: 2, LAST_SEGMENT: 3 } as const;

/**
 * The extents of a transfer, in order; neighbours are one.
 * @param size bytes; @param pageSize of the host, bytes; @param toHost the controller writes the data
 * @throws CommandError
 */
export function dataExtents(
  command: Command,
  size: number,
  pageSize: number,
  toHost: boolean,
  read: ReadHost,
): Extent[] {
  if (size === 0) return [];
  if (command.pointerKind === 3) throw new CommandError(STATUS.INVALID_FIELD, 'PSDT 3 is reserved');
  return command.pointerKind === 0
    ? prpExtents(command, size, pageSize, read)
    : new SglWalk(size, toHost, read).walk(command.sgl);
}

function append(list: Extent[], address: bigint | undefined, size: number): void {
  const last = list.at(-1);
  if (last?.address !== undefined && address === last.address + BigInt(last.size)) last.size += size;
  else if (size > 0) list.push({ address, size });
}

function aligned(address: bigint, pageSize: number, what: string): void {
  if (address % BigInt(pageSize) !== 0n)
    throw new CommandError(STATUS.INVALID_PRP_OFFSET, `${what} 0x${address.toString(16)} is not aligned to a page`);
}

function prpExtents(command: Command, size: number, pageSize: number, read: ReadHost): Extent[] {
  const { prp1, prp2 } = command;
  if (prp1 % 4n !== 0n)
    throw new CommandError(STATUS.INVALID_PRP_OFFSET, `PRP1 0x${prp1.toString(16)} is not aligned to 4 bytes`);
  const list: Extent[] = [];
  const first = Math.min(size, pageSize - Number(prp1 % BigInt(pageSize)));
  append(list, prp1, first);
  let left = size - first;
  if (left === 0) return list;
  if (left <= pageSize) {
    aligned(prp2, pageSize, 'PRP2');
    append(list, prp2, left);
    return list;
  }
  if (prp2 % 8n !== 0n) throw new CommandError(STATUS.INVALID_PRP_OFFSET, 'the PRP list is not aligned to 8 bytes');
  for (let at = prp2; left > 0; ) {
    // The list goes to the end of its page; its last entry leads on if more than one page is left.
    const room = (pageSize - Number(at % BigInt(pageSize))) / 8;
    const needed = Math.ceil(left / pageSize);
    const count = Math.min(room, needed);
    const entries = new DataView(new ArrayBuffer(count * 8));
    if (!read(at, new Uint8Array(entries.buffer))) throw unreadable(at);
    const pages = needed > room ? count - 1 : count;
    for (let i = 0; i < pages; i++) {
      const entry = entries.getBigUint64(i * 8, true);
      aligned(entry, pageSize, 'a PRP entry');
      const bytes = Math.min(left, pageSize);
      append(list, entry, bytes);
      left -= bytes;
    }
    if (left === 0) break;
    at = entries.getBigUint64(pages * 8, true);
    // A list that begins at a page's start has an entry beside the one that leads on: the walk ends.
    aligned(at, pageSize, 'a PRP list');
  }
  return list;
}

class SglWalk {
  readonly #list: Extent[] = [];
  readonly #toHost: boolean;
  readonly #read: ReadHost;
  #left: number;
  #descriptors = 0;

  constructor(size: number, toHost: boolean, read: ReadHost) {
    this.#left = size;
    this.#toHost = toHost;
    this.#read = read;
  }

  walk(first: DataView): Extent[] {
    let segment: DataView | undefined = first;
    let last = true;
    for (let segments = 0; segment && this.#left > 0; segments++) {
      if (segments > MAX_SEGMENTS) throw refuse(STATUS.INVALID_SGL_COUNT, `more than ${MAX_SEGMENTS} segments`);
      // The command's own descriptor stands alone, and may lead to a list.
      const next = this.#segment(segment, last && segment !== first);
      last = next?.last ?? true;
      segment = next?.view;
    }
    if (this.#left > 0) throw refuse(STATUS.INVALID_SGL_LENGTH, `the list ends ${this.#left} bytes too early`);
    return this.#list;
  }

  /** Takes a segment's descriptors. Returns the segment that its last one leads to. */
  #segment(view: DataView, isLast: boolean): { view: DataView; last: boolean } | undefined {
    const count = view.byteLength / SGL_DESCRIPTOR;
    for (let i = 0; i < count && this.#left > 0; i++) {
      if (++this.#descriptors > MAX_DESCRIPTORS)
        throw refuse(STATUS.INVALID_SGL_COUNT, `more than ${MAX_DESCRIPTORS} descriptors`);
      const address = view.getBigUint64(i * SGL_DESCRIPTOR, true);
      const length = view.getUint32(i * SGL_DESCRIPTOR + 8, true);
      const type = view.getUint8(i * SGL_DESCRIPTOR + 15);
      if ((type & 0xf) !== 0) throw refuse(STATUS.INVALID_SGL_TYPE, `SGL sub-type ${type & 0xf}`);
      switch (type >> 4) {
        case SGL.DATA_BLOCK:
          this.#take(address, length);
          break;
        case SGL.BIT_BUCKET:
          // What the host would send from nowhere is nothing.
          if (this.#toHost) this.#take(undefined, length);
          break;
        case SGL.SEGMENT:
        case SGL.LAST_SEGMENT:
          if (isLast || i !== count - 1)
            throw refuse(STATUS.INVALID_SGL_SEGMENT, 'a segment descriptor is not the last');
          return { view: this.#fetch(address, length), last: type >> 4 === SGL.LAST_SEGMENT };
        default:
          throw refuse(STATUS.INVALID_SGL_TYPE, `SGL type ${type >> 4}`);
      }
    }
    return undefined;
  }

  #take(address: bigint | undefined, length: number): void {
    const size = Math.min(length, this.#left);
    append(this.#list, address, size);
    this.#left -= size;
  }

  #fetch(address: bigint, length: number): DataView {
    if (length === 0 || length % SGL_DESCRIPTOR !== 0)
      throw refuse(STATUS.INVALID_SGL_SEGMENT, `a segment of ${length} bytes`);
    if (length > MAX_DESCRIPTORS * SGL_DESCRIPTOR)
      throw refuse(
        STATUS.INVALID_SGL_COUNT,
        `a segment of ${length} bytes has more than ${MAX_DESCRIPTORS} descriptors`,
      );
    const view = new DataView(new ArrayBuffer(length));
    if (!this.#read(address, new Uint8Array(view.buffer))) throw unreadable(address);
    return view;
  }
}

function refuse(status: Status, message: string): CommandError {
  return new CommandError(status, message);
}

function unreadable(address: bigint): CommandError {
  return new CommandError(STATUS.DATA_TRANSFER_ERROR, `the list at 0x${address.toString(16)} cannot be read`);
}
