/** The ioctls of a VFIO device: number, struct and handler (uapi-ioasid.md, section 3; linux/vfio.h). */
import { VFIO } from '../abi/constants.js';
import { VFIO_IOCTLS as IOCTL } from '../abi/ioctls.js';
import { LINUX_VFIO } from '../abi/linux-constants.js';
import { vfio_device_info, vfio_region_info } from '../abi/linux-structs.js';
import { vfio_attach_ioasid, vfio_bind_ioasid_fd, vfio_device_info_cap_pasid } from '../abi/structs.js';
import { IoasidContext } from '../ioasid/context.js';
import { checkPasid } from '../ioasid/pasid-attachments.js';
import type { Requester } from '../iommu/requester.js';
import { Errno } from '../kernel/errno.js';
import { IoctlTable } from '../kernel/ioctl.js';
import type { Caller } from '../kernel/open-file.js';
import { regionOffset } from '../pci/region-offset.js';
import type { VfioFile } from './device-file.js';
import { region } from './regions.js';

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
          device.interrupts.release();
          device.function.close();
          device.reset();
        });
        device.boundBy = file;
        device.function.open();
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
        const pasid = pasidOf(file, args);
        bound.context.attach(bound, space, pasid, (get.flags(args) & VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED) !== 0);
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
        bound.context.detach(bound, space, pasidOf(file, args));
        return 0;
      },
    },
    {
      ioctl: IOCTL.DEVICE_GET_INFO,
      min: 16,
      out: true,
      run: (file, caller, args, address) => {
        const { get, set } = vfio_device_info;
        const capability = pasidCapability(file.device.requester);
        const flags = LINUX_VFIO.VFIO_DEVICE_FLAGS_RESET | LINUX_VFIO.VFIO_DEVICE_FLAGS_PCI;
        set.flags(args, flags | (capability ? LINUX_VFIO.VFIO_DEVICE_FLAGS_CAPS : 0));
        set.num_regions(args, LINUX_VFIO.VFIO_PCI_NUM_REGIONS);
        set.num_irqs(args, LINUX_VFIO.VFIO_PCI_NUM_IRQS);
        set.cap_offset(args, 0);
        if (!capability) return 0;
        const needed = CAPABILITIES_AT + capability.length;
        if (get.argsz(args) < needed) set.argsz(args, needed);
        else {
          caller.mm.copyOut(address + BigInt(CAPABILITIES_AT), capability);
          set.cap_offset(args, CAPABILITIES_AT);
        }
        return 0;
      },
    },
    {
      ioctl: IOCTL.DEVICE_GET_REGION_INFO,
      out: true,
      run: (file, _caller, args) => {
        const { get, set } = vfio_region_info;
        const { index, size, flags } = region(file.device.function, get.index(args));
        set.flags(args, flags);
        set.cap_offset(args, 0);
        set.size(args, BigInt(size));
        set.offset(args, regionOffset(index));
        return 0;
      },
    },
    { ioctl: IOCTL.DEVICE_GET_IRQ_INFO, out: true, run: (file, _caller, args) => file.device.interrupts.info(args) },
    {
      ioctl: IOCTL.DEVICE_SET_IRQS,
      run: (file, caller, args, address) => file.device.interrupts.set(caller, args, address),
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

/** The PASID of an attach or detach; undefined: none is given. @throws EOPNOTSUPP, EINVAL */
function pasidOf(file: VfioFile, args: DataView): number | undefined {
  const { get } = vfio_attach_ioasid;
  if ((get.flags(args) & VFIO.VFIO_ATTACH_IOASID_USER_PASID) === 0) return undefined;
  const pasid = get.user_pasid(args);
  checkPasid(file.device.requester, pasid);
  return pasid;
}

/** Where capabilities start behind struct vfio_device_info: as Linux, at a multiple of 8. */
const CAPABILITIES_AT = 24;

/**
 * VFIO_DEVICE_INFO_CAP_PASID (section 3). A function has its PASID space for itself (v == p); a mediated device gets
 * numbers from the kernel, and the CPU translates a guest's for ENQCMD. Undefined: no PASID.
 */
function pasidCapability({ capabilities, unit, parent }: Requester): Uint8Array | undefined {
  if (!capabilities.pasid || unit.pasidBits === 0) return undefined;
  const view = new DataView(new ArrayBuffer(vfio_device_info_cap_pasid.size));
  const { set } = vfio_device_info_cap_pasid;
  const enqcmd = VFIO.VFIO_DEVICE_PASID_CPU | VFIO.VFIO_DEVICE_PASID_CPU_VIRT;
  set.id(view, VFIO.VFIO_DEVICE_INFO_CAP_PASID);
  set.version(view, 1);
  set.flags(view, parent === undefined ? VFIO.VFIO_DEVICE_PASID_DELEGATED : capabilities.enqcmd ? enqcmd : 0);
  set.pasid_bits(view, unit.pasidBits);
  return new Uint8Array(view.buffer);
}
