/** The ioctls of a VFIO device: number, struct and handler (uapi-ioasid.md, section 3; linux/vfio.h). */
import { Errno } from '../abi/errno.js';
import { VFIO } from '../abi/ioasid.js';
import { VFIO_IOASID_IOCTLS } from '../abi/ioasid-ioctls.js';
import { type vfio_attach_ioasid, vfio_device_info_cap_pasid } from '../abi/ioasid-structs.js';
import type { Fields } from '../abi/layout.js';
import { VFIO_DEVICE_IOCTLS as IOCTL, LINUX_VFIO } from '../abi/vfio.js';
import { contextOf } from '../ioasid/file.js';
import { checkPasid } from '../ioasid/pasid-attachments.js';
import type { Requester } from '../iommu/requester.js';
import { ARGSZ } from '../kernel/convention.js';
import { IoctlTable, Rows } from '../kernel/ioctl.js';
import { regionOffset } from '../pci/region-offset.js';
import type { VfioFile } from './assigned-device.js';
import { region } from './regions.js';

const ATTACH_FLAGS = VFIO.VFIO_ATTACH_IOASID_USER_PASID | VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED;

const rows = new Rows<VfioFile>(ARGSZ);

export const VFIO_TABLE = new IoctlTable<VfioFile>(
  '/dev/vfio/devices',
  [
    rows.struct(VFIO_IOASID_IOCTLS.BIND_IOASID_FD, {
      flags: 0,
      run: (file, args, caller) => {
        const context = contextOf(caller, args.ioasid_fd);
        const { device } = file;
        if (device.boundBy) throw new Errno('EBUSY', `${device.name} is bound already`);
        file.bound = context.bind(device.requester, args.cookie, () => {
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
    }),
    rows.value(VFIO_IOASID_IOCTLS.UNBIND_IOASID_FD, (file) => {
      const bound = file.require();
      const attachment = bound.attachments()[0];
      if (attachment) {
        throw new Errno('EBUSY', `${file.device.name} is still attached to IOASID ${attachment.space.id}`);
      }
      bound.context.unbind(bound);
      return 0;
    }),
    rows.struct(VFIO_IOASID_IOCTLS.ATTACH_IOASID, {
      flags: ATTACH_FLAGS,
      run: (file, args) => {
        const bound = file.require();
        const space = bound.context.space(args.ioasid);
        const unused = (args.flags & VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED) !== 0;
        bound.context.attach(bound, space, pasidOf(file, args), unused);
        return 0;
      },
    }),
    rows.struct(VFIO_IOASID_IOCTLS.DETACH_IOASID, {
      flags: ATTACH_FLAGS,
      run: (file, args) => {
        const bound = file.require();
        const space = bound.context.space(args.ioasid);
        bound.context.detach(bound, space, pasidOf(file, args));
        return 0;
      },
    }),
    rows.struct(IOCTL.GET_INFO, {
      through: 'num_irqs',
      out: true,
      run: (file, args, caller, address) => {
        const capability = pasidCapability(file.device.requester);
        const flags = LINUX_VFIO.VFIO_DEVICE_FLAGS_RESET | LINUX_VFIO.VFIO_DEVICE_FLAGS_PCI;
        args.flags = flags | (capability ? LINUX_VFIO.VFIO_DEVICE_FLAGS_CAPS : 0);
        args.num_regions = LINUX_VFIO.VFIO_PCI_NUM_REGIONS;
        args.num_irqs = LINUX_VFIO.VFIO_PCI_NUM_IRQS;
        args.cap_offset = 0;
        if (!capability) return 0;
        const needed = CAPABILITIES_AT + capability.length;
        if (args.argsz < needed) args.argsz = needed;
        else {
          caller.mm.copyOut(address + BigInt(CAPABILITIES_AT), capability);
          args.cap_offset = CAPABILITIES_AT;
        }
        return 0;
      },
    }),
    rows.struct(IOCTL.GET_REGION_INFO, {
      out: true,
      run: (file, args) => {
        const { index, size, flags } = region(file.device.function, args.index);
        args.flags = flags;
        args.cap_offset = 0;
        args.size = BigInt(size);
        args.offset = regionOffset(index);
        return 0;
      },
    }),
    rows.struct(IOCTL.GET_IRQ_INFO, { out: true, run: (file, args) => file.device.interrupts.info(args) }),
    rows.struct(IOCTL.SET_IRQS, {
      run: (file, args, caller, address) => file.device.interrupts.set(caller, args, address),
    }),
    rows.value(IOCTL.RESET, (file) => {
      file.device.reset();
      return 0;
    }),
  ],
  (file, ioctl) => file.guard(ioctl.request),
);

/** The PASID of an attach or detach; undefined: none is given. @throws EOPNOTSUPP, EINVAL */
function pasidOf(file: VfioFile, args: Fields<typeof vfio_attach_ioasid>): number | undefined {
  if ((args.flags & VFIO.VFIO_ATTACH_IOASID_USER_PASID) === 0) return undefined;
  const pasid = args.user_pasid;
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
