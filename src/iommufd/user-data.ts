/** Structs and arrays of a driver's own, read from the program when the driver asks (linux-iommufd.md, 8 and 11). */
import { Errno } from '../abi/errno.js';
import type { UserArray, UserData } from '../iommu/driver.js';
import type { Mm } from '../memory/mm.js';

/** @throws EINVAL */
function checkLength(length: number, least: number, known: number): void {
  if (length < least || length > known) {
    throw new Errno('EINVAL', `${length} bytes of driver data; the driver takes ${least} to ${known}`);
  }
}

/** One struct. @param length 0: there is none */
export function userData(mm: Mm, type: number, address: bigint, length: number): UserData | undefined {
  if (length === 0) return undefined;
  return {
    type,
    length,
    read(least, known) {
      checkLength(length, least, known);
      const bytes = new Uint8Array(known);
      mm.copyIn(address, bytes.subarray(0, length));
      return new DataView(bytes.buffer);
    },
    write(from) {
      mm.copyOut(address, new Uint8Array(from.buffer, 0, Math.min(length, from.byteLength)));
    },
  };
}

/** An array of structs of `length` bytes each. */
export function userArray(mm: Mm, type: number, address: bigint, length: number, entries: number): UserArray {
  const at = (index: number): bigint => address + BigInt(index) * BigInt(length);
  return {
    type,
    entries,
    read(index, least, known) {
      checkLength(length, least, known);
      const bytes = new Uint8Array(known);
      mm.copyIn(at(index), bytes.subarray(0, length));
      return new DataView(bytes.buffer);
    },
    readPadded(index, known) {
      const bytes = new Uint8Array(Math.max(length, known));
      mm.copyIn(at(index), bytes.subarray(0, length));
      const wrong = bytes.subarray(known).findIndex((byte) => byte !== 0);
      if (wrong >= 0) throw new Errno('E2BIG', `byte ${known + wrong} of entry ${index} is not zero`);
      return new DataView(bytes.buffer, 0, known);
    },
  };
}
