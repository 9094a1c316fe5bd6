/**
 * Conventions of ioctls that take a struct: how its size is said, what a short or a long one means, which error unknown
 * input is. One value for each family of files.
 */
import { hex } from '../../abi/address.js';
import { Errno, type ErrnoName } from '../../abi/errno.js';
import type { Ioctl } from '../../abi/ioctl.js';
import type { Struct } from '../../abi/layout.js';
import type { Caller } from './open-file.js';

/** What a convention needs to know of one ioctl; worked out once, when its table is made. */
export interface StructArgument {
  readonly ioctl: Ioctl;
  readonly layout: Struct;
  /** Least size that a caller may give, bytes. */
  readonly min: number;
  /** Room for the whole struct. */
  readonly room: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
}

export interface Convention {
  /** What a table finds its row by: the whole request number, or a part of it. */
  key(request: number): number;
  /**
   * Reads the struct into its room, and judges its size. What the caller does not give is zero.
   * @returns how many bytes of the struct are the caller's: no more are written back
   * @throws EFAULT, EINVAL, and what the convention says
   */
  fetch(caller: Caller, argument: StructArgument, request: number, address: bigint): number;
  /** The error of an unknown flag, and of a reserved field that is not zero. */
  readonly unknown: ErrnoName;
}

function unreadable({ layout }: StructArgument, size: number, address: bigint): Errno {
  return new Errno('EFAULT', `cannot read struct ${layout.name}, ${size} bytes, at ${hex(address)}`);
}

/**
 * VFIO's (linux/vfio.h) and /dev/ioasid's: the struct starts with `argsz`, the caller's size of it. Shorter than the
 * least: EINVAL; longer than what is known: the rest is not looked at.
 */
export const ARGSZ: Convention = {
  key: (request) => request,
  unknown: 'EINVAL',
  fetch(caller, argument, _request, address) {
    const { layout, min, room, view } = argument;
    const got = caller.mm.memory.read(address, room);
    let { size } = layout;
    if (got >= 4) {
      const argsz = view.getUint32(0, true);
      if (argsz < min) {
        room.fill(0, Math.min(got, argsz));
        throw new Errno('EINVAL', `argsz ${argsz} is less than the ${min} bytes of struct ${layout.name}`);
      }
      if (argsz < size) size = argsz;
    }
    if (got < size) throw unreadable(argument, size, address);
    if (size < layout.size) room.fill(0, size);
    return size;
  },
};

/** Most bytes of a tail that are looked at in one piece. */
const TAIL_PIECE = 4096;

/** @throws E2BIG a byte of the tail is not zero; EFAULT */
function checkTail(caller: Caller, argument: StructArgument, address: bigint, size: number): void {
  const { layout } = argument;
  const piece = new Uint8Array(Math.min(size - layout.size, TAIL_PIECE));
  for (let at = layout.size; at < size; at += piece.length) {
    const bytes = piece.subarray(0, Math.min(piece.length, size - at));
    const got = caller.mm.memory.read(address + BigInt(at), bytes);
    const wrong = bytes.subarray(0, got).findIndex((byte) => byte !== 0);
    if (wrong >= 0) {
      throw new Errno('E2BIG', `byte ${at + wrong} is not zero, and struct ${layout.name} has ${layout.size} bytes`);
    }
    if (got < bytes.length) throw unreadable(argument, size, address);
  }
}

/**
 * iommufd's (drivers/iommu/iommufd/main.c): the struct starts with `size`. The row is found by the number alone, then
 * the whole request must match: ENOTTY. Longer than what is known: E2BIG unless the rest is zero. Unknown flags and
 * reserved fields: EOPNOTSUPP.
 */
export const IOMMUFD_SIZE: Convention = {
  key: (request) => request & 0xff,
  unknown: 'EOPNOTSUPP',
  fetch(caller, argument, request, address) {
    const { ioctl, layout, min, room, view } = argument;
    if (caller.mm.memory.read(address, room.subarray(0, 4)) < 4) throw unreadable(argument, 4, address);
    if (request !== ioctl.request) {
      throw new Errno('ENOTTY', `${hex(request)} has the number of ${ioctl.name}, ${hex(ioctl.request)}, and no more`);
    }
    const given = view.getUint32(0, true);
    if (given < min) throw new Errno('EINVAL', `size ${given} is less than the ${min} bytes of struct ${layout.name}`);
    if (given > layout.size) checkTail(caller, argument, address, given);
    const size = Math.min(given, layout.size);
    if (caller.mm.memory.read(address, room.subarray(0, size)) < size) throw unreadable(argument, size, address);
    room.fill(0, size);
    return size;
  },
};

/** KVM's (virt/kvm/kvm_main.c): the struct has one size, which most request numbers contain. */
export const FIXED_SIZE: Convention = {
  key: (request) => request,
  unknown: 'EINVAL',
  fetch(caller, argument, _request, address) {
    const { room } = argument;
    if (caller.mm.memory.read(address, room) < room.length) throw unreadable(argument, room.length, address);
    return room.length;
  },
};
