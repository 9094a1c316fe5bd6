/**
 * How VFIO reads the struct of an ioctl (drivers/vfio): as many bytes as the oldest caller gives, then `argsz` is judged,
 * and no more than argsz bytes are written back.
 */

import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { Convention } from '../kernel/file/convention.js';

export const VFIO_ARGSZ: Convention = {
  key: (request) => request,
  unknown: 'EINVAL',
  fetch(caller, { layout, min, room, view }, _request, address) {
    const got = caller.mm.memory.read(address, room);
    if (got < min) throw new Errno('EFAULT', `cannot read struct ${layout.name}, ${min} bytes, at ${hex(address)}`);
    const argsz = view.getUint32(0, true);
    if (argsz < min) {
      throw new Errno('EINVAL', `argsz ${argsz} is less than the ${min} bytes of struct ${layout.name}`);
    }
    const size = Math.min(argsz, layout.size);
    room.fill(0, Math.min(size, got));
    return size;
  },
};

/** Most bytes of a tail that are looked at in one piece. */
const TAIL_PIECE = 4096;

/** As VFIO_ARGSZ; what comes behind the known struct must be zero (copy_struct_from_user). */
export const VFIO_ARGSZ_STRICT: Convention = {
  ...VFIO_ARGSZ,
  fetch(caller, argument, request, address) {
    const size = VFIO_ARGSZ.fetch(caller, argument, request, address);
    const { layout, view } = argument;
    const given = view.getUint32(0, true);
    for (let at = layout.size; at < given; at += TAIL_PIECE) {
      const bytes = new Uint8Array(Math.min(TAIL_PIECE, given - at));
      const got = caller.mm.memory.read(address + BigInt(at), bytes);
      if (bytes.subarray(0, got).some((byte) => byte !== 0)) {
        throw new Errno('E2BIG', `bytes behind the ${layout.size} of struct ${layout.name} are not zero`);
      }
      if (got < bytes.length) throw new Errno('EFAULT', `cannot read the ${given} bytes of struct ${layout.name}`);
    }
    return size;
  },
};
