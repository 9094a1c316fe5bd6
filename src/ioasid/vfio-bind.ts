/** What /dev/ioasid adds to a VFIO device: bind, unbind, attach, detach (uapi-ioasid.md, section 3). */
import { Errno } from '../abi/errno.js';
import { VFIO } from '../abi/ioasid/constants.js';
import { VFIO_IOASID_IOCTLS as IOCTL } from '../abi/ioasid/ioctls.js';
import { type vfio_attach_ioasid, vfio_device_info_cap_pasid } from '../abi/ioasid/structs.js';
import type { Fields } from '../abi/layout.js';
import type { Requester } from '../iommu/requester.js';
import { ARGSZ } from '../kernel/file/convention.js';
import { Rows } from '../kernel/file/ioctl.js';
import type { DeviceFile } from '../vfio/device-file.js';
import type { DeviceRows } from '../vfio/device-table.js';
import { type InfoCapability, infoCapability } from '../vfio/info-capability.js';
import type { ContextDevice } from './context.js';
import { checkPasid } from './device/pasid-attachments.js';
import { contextOf } from './file.js';

const ATTACH_FLAGS = VFIO.VFIO_ATTACH_IOASID_USER_PASID | VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED;

/** The bindings that were made here, by open file. */
const BOUND = new WeakMap<DeviceFile, ContextDevice>();

/** @throws ENODEV the device is gone; EINVAL the file is not bound to a context */
function boundOf(file: DeviceFile): ContextDevice {
  file.require();
  const bound = BOUND.get(file);
  if (!bound) throw new Errno('EINVAL', `${file.device.name} is not bound to an IOASID context`);
  return bound;
}

const rows = new Rows<DeviceFile>(ARGSZ);

export const IOASID_DEVICE_ROWS: DeviceRows = {
  binds: [
    rows.struct(IOCTL.BIND_IOASID_FD, {
      flags: 0,
      run: (file, args, caller) => {
        const context = contextOf(caller, args.ioasid_fd);
        const { device } = file;
        if (device.files.size > 0) throw new Errno('EBUSY', `${device.name} is bound already`);
        if (device.group.open) throw new Errno('EBUSY', `the group of ${device.name} is open`);
        if (device.removed) throw new Errno('ENODEV', `${device.name} was unplugged`);
        // The context lets the device go by its own last close too.
        const bound = context.bind(device.requester, args.cookie, () => {
          BOUND.delete(file);
          file.unbind();
        });
        BOUND.set(file, bound);
        file.bind({
          owner: context,
          busMaster: true,
          infoCapabilities: pasidCapabilities(device.requester),
          removed: () => {
            context.remove(bound);
            return true;
          },
          release: () => {
            if (BOUND.delete(file)) context.unbind(bound);
          },
        });
        return 0;
      },
    }),
  ],
  bound: [
    rows.value(IOCTL.UNBIND_IOASID_FD, (file) => {
      const bound = boundOf(file);
      const attachment = bound.attachments()[0];
      if (attachment) {
        throw new Errno('EBUSY', `${file.device.name} is still attached to IOASID ${attachment.space.id}`);
      }
      bound.context.unbind(bound);
      return 0;
    }),
    rows.struct(IOCTL.ATTACH_IOASID, {
      flags: ATTACH_FLAGS,
      run: (file, args) => {
        const bound = boundOf(file);
        const space = bound.context.space(args.ioasid);
        const unused = (args.flags & VFIO.VFIO_ATTACH_IOASID_NO_SNOOP_UNUSED) !== 0;
        bound.context.attach(bound, space, pasidOf(file, args), unused);
        return 0;
      },
    }),
    rows.struct(IOCTL.DETACH_IOASID, {
      flags: ATTACH_FLAGS,
      run: (file, args) => {
        const bound = boundOf(file);
        const space = bound.context.space(args.ioasid);
        bound.context.detach(bound, space, pasidOf(file, args));
        return 0;
      },
    }),
  ],
};

/** The PASID of an attach or detach; undefined: none is given. @throws EOPNOTSUPP, EINVAL */
function pasidOf(file: DeviceFile, args: Fields<typeof vfio_attach_ioasid>): number | undefined {
  if ((args.flags & VFIO.VFIO_ATTACH_IOASID_USER_PASID) === 0) return undefined;
  const pasid = args.user_pasid;
  checkPasid(file.device.requester, pasid);
  return pasid;
}

/**
 * VFIO_DEVICE_INFO_CAP_PASID (section 3). A function has its PASID space for itself (v == p); a mediated device gets
 * numbers from the kernel, and the CPU translates a guest's for ENQCMD.
 */
function pasidCapabilities({ capabilities, unit, parent }: Requester): InfoCapability[] {
  if (!capabilities.pasid || unit.pasidBits === 0) return [];
  const enqcmd = VFIO.VFIO_DEVICE_PASID_CPU | VFIO.VFIO_DEVICE_PASID_CPU_VIRT;
  const flags = parent === undefined ? VFIO.VFIO_DEVICE_PASID_DELEGATED : capabilities.enqcmd ? enqcmd : 0;
  return [
    infoCapability(VFIO.VFIO_DEVICE_INFO_CAP_PASID, 1, vfio_device_info_cap_pasid, {
      flags,
      pasid_bits: unit.pasidBits,
    }),
  ];
}
