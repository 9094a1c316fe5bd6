/**
 * VFIO devices on /dev/iommu (linux-vfio.md, 6): a device's own file is bound to a context, and attached to its page tables.
 */
import { Errno } from '../abi/errno.js';
import type { Fields } from '../abi/layout.js';
import {
  VFIO_IOMMUFD_IOCTLS as IOCTL,
  VFIO_DEVICE_ATTACH_PASID,
  VFIO_DEVICE_BIND_FLAG_TOKEN,
  type vfio_device_bind_iommufd,
} from '../abi/vfio.js';
import { Rows } from '../kernel/ioctl.js';
import type { Caller } from '../kernel/open-file.js';
import { VFIO_ARGSZ, VFIO_ARGSZ_STRICT } from '../vfio/convention.js';
import type { DeviceFile } from '../vfio/device-file.js';
import type { DeviceRows } from '../vfio/device-table.js';
import { checkToken, tokenText } from '../vfio/vf-token.js';
import { attach, detach, replace } from './device/attach.js';
import type { IommufdDevice } from './device/device.js';
import { NO_PASID } from './device/group.js';
import { IOMMUFD } from './file.js';
import { bindVfio, idOf, unbindVfio } from './vfio-device.js';

/** The devices that were bound here, by open file. */
const BOUND = new WeakMap<DeviceFile, IommufdDevice>();
/** First PASID that is too large. */
const PASID_END = 2 ** 31;

/** @throws ENOTTY the file is of a group; EINVAL it is not bound to an iommufd */
function boundOf(file: DeviceFile): IommufdDevice {
  if (file.through === 'group') throw new Errno('ENOTTY', 'a device of a group is attached through its group');
  const device = BOUND.get(file);
  if (!device) throw new Errno('EINVAL', `${file.device.name} is not bound to an iommufd`);
  return device;
}

/** @throws EINVAL, EBUSY, EFAULT, EACCES, EBADF, EBADFD, EPERM in the order of section 6 */
function bind(file: DeviceFile, args: Fields<typeof vfio_device_bind_iommufd>, caller: Caller): number {
  const { device } = file;
  const { flags, iommufd } = args;
  if (iommufd < 0 || flags & ~VFIO_DEVICE_BIND_FLAG_TOKEN) {
    throw new Errno('EINVAL', `iommufd ${iommufd}, flags 0x${flags.toString(16)}: unknown flag, or no descriptor`);
  }
  if (file.through === 'group') throw new Errno('EINVAL', 'a device of a group is bound by its group');
  device.group.checkClosed();
  if (file.binding) throw new Errno('EINVAL', `${device.name} is bound through this open file already`);
  checkToken(device.name, device.tokenRole, readToken(flags, args.token_uuid_ptr, caller));
  const context = caller.file(iommufd)?.facet(IOMMUFD);
  if (!context) throw new Errno('EBADFD', `descriptor ${iommufd} is not /dev/iommu`);
  if (device.files.size > 0) throw new Errno('EINVAL', `${device.name} is bound through another open file`);
  const bound = bindVfio(context, device);
  BOUND.set(file, bound);
  file.bind({
    owner: context,
    busMaster: false,
    deviceId: (requester) => idOf(context, requester),
    release: () => {
      BOUND.delete(file);
      unbindVfio(bound);
    },
  });
  args.out_devid = bound.id;
  return 0;
}

/** The token as it is given by pointer: 16 bytes. @throws EFAULT */
function readToken(flags: number, pointer: bigint, caller: Caller): string | undefined {
  if ((flags & VFIO_DEVICE_BIND_FLAG_TOKEN) === 0) return undefined;
  const bytes = new Uint8Array(16);
  caller.mm.copyIn(pointer, bytes);
  return tokenText(bytes);
}

/** The PASID of an attach or detach. @throws ENOSPC */
function pasidOf({ flags, pasid }: { flags: number; pasid: number }): number {
  if ((flags & VFIO_DEVICE_ATTACH_PASID) === 0) return NO_PASID;
  if (pasid >= PASID_END) throw new Errno('ENOSPC', `PASID ${pasid} is not below 2^31`);
  return pasid;
}

/** With a PASID the struct is longer. @throws EINVAL */
function checkSize(argsz: number, flags: number, size: number): void {
  if ((flags & VFIO_DEVICE_ATTACH_PASID) !== 0 && argsz < size) {
    throw new Errno('EINVAL', `argsz ${argsz} leaves no room for the PASID`);
  }
}

const strict = new Rows<DeviceFile>(VFIO_ARGSZ_STRICT);
const rows = new Rows<DeviceFile>(VFIO_ARGSZ);

export const IOMMUFD_DEVICE_ROWS: DeviceRows = {
  binds: [strict.struct(IOCTL.BIND, { through: 'out_devid', out: 'out_devid', run: bind })],
  bound: [
    rows.struct(IOCTL.ATTACH, {
      through: 'pt_id',
      flags: VFIO_DEVICE_ATTACH_PASID,
      out: 'pt_id',
      run: (file, args) => {
        const device = boundOf(file);
        checkSize(args.argsz, args.flags, IOCTL.ATTACH.argument.size);
        const pasid = pasidOf(args);
        const act = device.attached.includes(pasid) ? replace : attach;
        args.pt_id = act(device, pasid, args.pt_id);
        return 0;
      },
    }),
    rows.struct(IOCTL.DETACH, {
      through: 'flags',
      flags: VFIO_DEVICE_ATTACH_PASID,
      run: (file, args) => {
        const device = boundOf(file);
        checkSize(args.argsz, args.flags, IOCTL.DETACH.argument.size);
        detach(device, pasidOf(args));
        return 0;
      },
    }),
  ],
};
