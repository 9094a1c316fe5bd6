/** The ioctls of a VFIO device: number, struct and handler (uapi-ioasid.md, section 3; linux/vfio.h). */
import { VFIO } from '../abi/constants.js';
import { VFIO_IOCTLS as IOCTL } from '../abi/ioctls.js';
import { LINUX_VFIO } from '../abi/linux-constants.js';
import { vfio_device_info, vfio_region_info } from '../abi/linux-structs.js';
import { vfio_attach_ioasid, vfio_bind_ioasid_fd } from '../abi/structs.js';
import { IoasidContext } from '../ioasid/context.js';
import { Errno } from '../kernel/errno.js';
import { IoctlTable } from '../kernel/ioctl.js';
import type { Caller } from '../kernel/open-file.js';
import type { VfioFile } from './device-file.js';
import { region, regionOffset } from './regions.js';

/**
 * The IOASID context behind a descriptor.
 * @throws EBADF no such descriptor; EINVAL another kind of file
 */
export function contextOf(caller: Caller, fd: number): IoasidContext {
  const ops = caller.file(fd)?.ops;
  if (!(ops instanceof IoasidContext))
    throw new Errno('EINVAL', `descriptor ${fd} is ${ops?.name ?? 'a file'}, not /dev/ioasid`);
  return ops;
}

const ATTACH_FLAGS = VFIO.VFIO_ATTACH_IOASID_USER_PASID | VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED;

export const VFIO_TABLE = new IoctlTable<VfioFile>(
  '/dev/vfio/devices',
  [
    {
      ioctl: IOCTL.BIND_IOASID_FD,
      flags: 0,
      run: (file, caller, args) => {
        const { get } = vfio_bind_ioasid_fd;
        const context = contextOf(caller, get.ioasid_fd(args));
        const { device } = file;
        if (device.boundBy) throw new Errno('EBUSY', `${device.name} is bound already`);
        file.bound = context.bind(device.requester, get.cookie(args), () => {
          device.boundBy = undefined;
          file.bound = undefined;
          device.reset();
        });
        device.boundBy = file;
        return 0;
      },
    },
    {
      ioctl: IOCTL.UNBIND_IOASID_FD,
      run: (file) => {
        const bound = file.require();
        const attachment = bound.attachments()[0];
        if (attachment) {
          throw new Errno('EBUSY', `${file.device.name} is still attached to IOASID ${attachment.space.id}`);
        }
        bound.context.unbind(bound);
        return 0;
      },
    },
    {
      ioctl: IOCTL.ATTACH_IOASID,
      flags: ATTACH_FLAGS,
      run: (file, _caller, args) => {
        const { get } = vfio_attach_ioasid;
        const bound = file.require();
        const space = bound.context.space(get.ioasid(args));
        requireNoPasid(file, get.flags(args));
        bound.context.attach(bound, space, (get.flags(args) & VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED) !== 0);
        return 0;
      },
    },
    {
      ioctl: IOCTL.DETACH_IOASID,
      flags: ATTACH_FLAGS,
      run: (file, _caller, args) => {
        const { get } = vfio_attach_ioasid;
        const bound = file.require();
        const space = bound.context.space(get.ioasid(args));
        requireNoPasid(file, get.flags(args));
        bound.context.detach(bound, space);
        return 0;
      },
    },
    {
      ioctl: IOCTL.DEVICE_GET_INFO,
      min: 16,
      out: true,
      run: (_file, _caller, args) => {
        const { set } = vfio_device_info;
        set.flags(args, LINUX_VFIO.VFIO_DEVICE_FLAGS_RESET | LINUX_VFIO.VFIO_DEVICE_FLAGS_PCI);
        set.num_regions(args, LINUX_VFIO.VFIO_PCI_NUM_REGIONS);
        set.num_irqs(args, LINUX_VFIO.VFIO_PCI_NUM_IRQS);
        set.cap_offset(args, 0);
        return 0;
      },
    },
    {
      ioctl: IOCTL.DEVICE_GET_REGION_INFO,
      out: true,
      run: (file, _caller, args) => {
        const { get, set } = vfio_region_info;
        const { index, size, flags } = region(file.device.model, get.index(args));
        set.flags(args, flags);
        set.cap_offset(args, 0);
        set.size(args, BigInt(size));
        set.offset(args, regionOffset(index));
        return 0;
      },
    },
    {
      ioctl: IOCTL.DEVICE_RESET,
      run: (file) => {
        file.device.reset();
        return 0;
      },
    },
  ],
  (file, ioctl) => file.guard(ioctl.request),
);

/** @throws EOPNOTSUPP the device has no PASID */
function requireNoPasid(file: VfioFile, flags: number): void {
  if ((flags & VFIO.VFIO_ATTACH_IOASID_USER_PASID) === 0) return;
  throw new Errno('EOPNOTSUPP', `${file.device.name} cannot be attached by PASID`);
}
