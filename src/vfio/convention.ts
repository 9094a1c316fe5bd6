/**
 * How VFIO reads the struct of an ioctl (drivers/vfio): as many bytes as the oldest caller gives, then `argsz` is judged,
 * and no more than argsz bytes are written back.
 */

import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { Convention } from '../kernel/convention.js';

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
