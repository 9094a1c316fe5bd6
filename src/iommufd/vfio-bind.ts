/** What /dev/iommu adds to a VFIO device: bind to a context, attach, detach (linux-vfio.md, 5; linux-iommufd.md, 7 and 14). */
import { Errno } from '../abi/errno.js';
import { VFIO_IOMMUFD_IOCTLS as IOCTL, VFIO_IOMMUFD } from '../abi/vfio.js';
import type { Requester } from '../iommu/requester.js';
import { Rows } from '../kernel/file/ioctl.js';
import type { Caller } from '../kernel/file/open-file.js';
import { VFIO_ARGSZ, VFIO_ARGSZ_STRICT } from '../vfio/convention.js';
import type { DeviceFile } from '../vfio/device-file.js';
import type { DeviceRows } from '../vfio/device-table.js';
import { checkToken, tokenText } from '../vfio/vf-token.js';
import type { IommufdContext } from './context.js';
import { attach, detach, replace } from './device/attach.js';
import { bind, hasGroup, unbind } from './device/bind.js';
import type { IommufdDevice } from './device/device.js';
import { NO_PASID } from './device/group.js';
import { IOMMUFD } from './file.js';
import { deviceOf, groupOf } from './vfio-device.js';

/** Bytes of a token. */
const UUID_SIZE = 16;

/** Bindings that were made here, by open file. */
const BOUND = new WeakMap<DeviceFile, IommufdDevice>();

/** @throws EINVAL the file is not bound to an iommufd; ENODEV */
function boundOf(file: DeviceFile): IommufdDevice {
  file.require();
  const bound = BOUND.get(file);
  if (!bound) throw new Errno('EINVAL', `${file.device.name} is not bound to an iommufd`);
  return bound;
}

/** The context behind a descriptor. @throws EBADF, EBADFD */
function contextOf(caller: Caller, fd: number): IommufdContext {
  const context = caller.file(fd)?.facet(IOMMUFD);
  if (!context) throw new Errno('EBADFD', `descriptor ${fd} is no open file of /dev/iommu`);
  return context;
}

/** How hot reset names a function: its id, 0 for one that is not bound in a group of the context, -1 for a stranger. */
function idIn(context: IommufdContext, requester: Requester): number {
  for (const object of context.objects) {
    if ('device' in object && object.device === deviceOf(requester)) return object.id;
  }
  return hasGroup(context, groupOf(requester.group)) ? 0 : -1;
}

/** Attached: moved; else attached. @returns id of the table */
function attachOrMove(device: IommufdDevice, pasid: number, id: number): number {
  return device.attached.includes(pasid) ? replace(device, pasid, id) : attach(device, pasid, id);
}

/** The PASID that a call names. @throws EINVAL argsz leaves no room for one, EOPNOTSUPP the device has none */
function pasidOf(file: DeviceFile, args: { argsz: number; flags: number; pasid: number }, size: number): number {
  if ((args.flags & VFIO_IOMMUFD.VFIO_DEVICE_ATTACH_PASID) === 0) return NO_PASID;
  if (args.argsz < size) throw new Errno('EINVAL', `argsz ${args.argsz} leaves no room for a PASID`);
  if (file.device.requester.parent !== undefined)
    throw new Errno('EOPNOTSUPP', `${file.device.name} has no PASIDs of its own`);
  return args.pasid;
}

const rows = new Rows<DeviceFile>(VFIO_ARGSZ);
const strict = new Rows<DeviceFile>(VFIO_ARGSZ_STRICT);

export const IOMMUFD_DEVICE_ROWS: DeviceRows = {
  binds: [
    strict.struct(IOCTL.BIND, {
      through: 'out_devid',
      flags: VFIO_IOMMUFD.VFIO_DEVICE_BIND_FLAG_TOKEN,
      out: true,
      run(file, args, caller) {
        const { device } = file;
        if (args.iommufd < 0) throw new Errno('EINVAL', `${args.iommufd} is no descriptor`);
        if (file.through === 'group') throw new Errno('EINVAL', `${device.name} was opened through its group`);
        if (device.group.open) throw new Errno('EBUSY', `the group of ${device.name} is open`);
        if (file.binding) throw new Errno('EINVAL', `${device.name} is bound already through this file`);
        const withToken = (args.flags & VFIO_IOMMUFD.VFIO_DEVICE_BIND_FLAG_TOKEN) !== 0;
        checkToken(device.name, device.tokenRole, withToken ? readToken(caller, args.token_uuid_ptr) : undefined);
        const context = contextOf(caller, args.iommufd);
        if (device.files.size > 0) throw new Errno('EINVAL', `${device.name} is bound already`);
        const { requester } = device;
        const bound = bind(context, deviceOf(requester), groupOf(requester.group), {
          isolatedMsi: true,
          holdsContext: true,
        });
        BOUND.set(file, bound);
        file.bind({
          owner: context,
          busMaster: false,
          deviceId: (other) => idIn(context, other),
          release: () => {
            BOUND.delete(file);
            unbind(bound);
          },
        });
        args.out_devid = bound.id;
        return 0;
      },
      undo: (file) => file.unbind(),
    }),
  ],
  bound: [
    rows.struct(IOCTL.ATTACH, {
      through: 'pt_id',
      flags: VFIO_IOMMUFD.VFIO_DEVICE_ATTACH_PASID,
      out: true,
      run(file, args) {
        const bound = boundOf(file);
        args.pt_id = attachOrMove(bound, pasidOf(file, args, IOCTL.ATTACH.argument.size), args.pt_id);
        return 0;
      },
      undo: (file, args) => detach(boundOf(file), args.flags === 0 ? NO_PASID : args.pasid),
    }),
    rows.struct(IOCTL.DETACH, {
      through: 'flags',
      flags: VFIO_IOMMUFD.VFIO_DEVICE_ATTACH_PASID,
      run(file, args) {
        detach(boundOf(file), pasidOf(file, args, IOCTL.DETACH.argument.size));
        return 0;
      },
    }),
  ],
};

/** @throws EFAULT */
function readToken(caller: Caller, address: bigint): string {
  const bytes = new Uint8Array(UUID_SIZE);
  caller.mm.copyIn(address, bytes);
  return tokenText(bytes);
}
