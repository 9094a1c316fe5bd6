/** Identify data structures (Base Specification 2.0, 5.17; NVM Command Set Specification 1.0, 4.1.5). */

import { COMPLETION_SHIFT, SUBMISSION_SHIFT, VERSION } from '../registers.js';
import type { Namespace } from './namespace.js';

export const IDENTIFY_SIZE = 4096;
/** Largest transfer: 2^n pages of 4 KiB. */
export const MAX_TRANSFER_SHIFT = 7;
export const MAX_TRANSFER = 4096 << MAX_TRANSFER_SHIFT;
/** Asynchronous event requests that can be outstanding. */
export const MAX_EVENT_REQUESTS = 4;
export const FIRMWARE_REVISION = '1.0';
/** Entries of the error log. */
export const ERROR_LOG_ENTRIES = 64;

/** Block sizes that a namespace can be formatted with: log2 of bytes, in the order of the formats. */
export const BLOCK_SHIFTS = [9, 12] as const;

export interface ControllerFacts {
  /** At most 20 ASCII characters. */
  readonly serial: string;
  readonly namespaces: readonly Namespace[];
}

/** ASCII text, filled up with spaces. */
export function text(bytes: Uint8Array, offset: number, size: number, value: string): void {
  for (let i = 0; i < size; i++) bytes[offset + i] = i < value.length ? value.charCodeAt(i) : 0x20;
}

/** CNS 01h: the controller. */
export function identifyController({ serial, namespaces }: ControllerFacts): Uint8Array {
  const bytes = new Uint8Array(IDENTIFY_SIZE);
  const view = new DataView(bytes.buffer);
  text(bytes, 4, 20, serial);
  text(bytes, 24, 40, 'ioasid virtual NVMe controller');
  text(bytes, 64, 8, FIRMWARE_REVISION);
  view.setUint8(77, MAX_TRANSFER_SHIFT);
  view.setUint32(80, VERSION, true);
  view.setUint8(111, 1); // an I/O controller
  view.setUint16(256, 0x2, true); // Format NVM
  view.setUint8(258, 3); // aborts at a time, less one
  view.setUint8(259, MAX_EVENT_REQUESTS - 1);
  view.setUint8(260, 0x03); // one firmware slot, read-only
  view.setUint8(261, 0x06); // log page of supported commands; log pages from any offset on
  view.setUint8(262, ERROR_LOG_ENTRIES - 1);
  view.setUint16(266, 343, true); // warning and critical temperatures, kelvin
  view.setUint16(268, 353, true);
  const capacity = namespaces.reduce((all, { store }) => all + BigInt(store.size), 0n);
  view.setBigUint64(280, capacity, true);
  view.setUint8(512, (SUBMISSION_SHIFT << 4) | SUBMISSION_SHIFT);
  view.setUint8(513, (COMPLETION_SHIFT << 4) | COMPLETION_SHIFT);
  view.setUint32(516, namespaces.length, true);
  view.setUint16(520, 0x1d, true); // Compare, Dataset Management, Write Zeroes, Save and Select of features
  view.setUint8(525, 0x7); // a volatile write cache; Flush of all namespaces
  view.setUint32(536, 0x50001, true); // SGLs of any alignment, bit buckets, lists longer than the data
  const name = `nqn.2014-08.org.nvmexpress:ioasid:${serial}`;
  for (let i = 0; i < name.length; i++) view.setUint8(768 + i, name.charCodeAt(i));
  view.setUint16(2048, 2500, true); // 25 W
  return bytes;
}

/** CNS 00h: a namespace. */
export function identifyNamespace({ blocks, format, id }: Namespace): Uint8Array {
  const bytes = new Uint8Array(IDENTIFY_SIZE);
  const view = new DataView(bytes.buffer);
  for (const offset of [0, 8, 16]) view.setBigUint64(offset, BigInt(blocks), true);
  view.setUint8(25, BLOCK_SHIFTS.length - 1);
  view.setUint8(26, format);
  view.setUint8(33, 1); // deallocated blocks read as zeros
  new Uint8Array(bytes.buffer, 104, 16).set(uniqueId(id));
  BLOCK_SHIFTS.forEach((shift, i) => {
    // Relative performance: the larger blocks are the better ones.
    view.setUint32(128 + i * 4, (shift << 16) | ((i === 0 ? 1 : 0) << 24), true);
  });
  return bytes;
}

/** Namespace Globally Unique Identifier. */
function uniqueId(id: number): Uint8Array {
  return new Uint8Array([0x69, 0x6f, 0x61, 0x73, 0x69, 0x64, 0, 0, 0, 0, 0, 0, 0, 0, id >> 8, id & 0xff]);
}

/** CNS 02h: identifiers of active namespaces above `after`. */
export function activeNamespaces(namespaces: readonly Namespace[], after: number): Uint8Array {
  const bytes = new Uint8Array(IDENTIFY_SIZE);
  const view = new DataView(bytes.buffer);
  const ids = namespaces.map(({ id }) => id).filter((id) => id > after);
  for (const [i, id] of ids.entries()) view.setUint32(i * 4, id, true);
  return bytes;
}

/** CNS 03h: the descriptors that name a namespace: its NGUID, and its command set. */
export function namespaceDescriptors({ id }: Namespace): Uint8Array {
  const bytes = new Uint8Array(IDENTIFY_SIZE);
  bytes.set([2, 16, 0, 0, ...uniqueId(id), 4, 1, 0, 0, 0]);
  return bytes;
}
