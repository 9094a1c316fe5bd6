/** The ioctls of /dev/vfio/N: number, struct and handler (linux-vfio.md, 2). */
import { Errno } from '../abi/errno.js';
import { O } from '../abi/fcntl.js';
import { VFIO_GROUP_IOCTLS as IOCTL, VFIO_GROUP_FLAGS } from '../abi/vfio-container.js';
import { IoctlTable, Rows } from '../kernel/file/ioctl.js';
import type { Caller } from '../kernel/file/open-file.js';
import { COMPAT_IOMMU } from '../vfio/compat-iommu.js';
import { VFIO_ARGSZ } from '../vfio/convention.js';
import { checkToken, tokenOfUuid } from '../vfio/vf-token.js';
import { CONTAINER } from './container-file.js';
import { parseOptions, readString } from './device-name.js';
import type { Group } from './group.js';

const rows = new Rows<Group>(VFIO_ARGSZ);

export const GROUP_TABLE = new IoctlTable<Group>('/dev/vfio/N', [
  rows.struct(IOCTL.GET_STATUS, {
    out: true,
    run: (group, args) => {
      group.requireDevices();
      const { VIABLE, CONTAINER_SET } = VFIO_GROUP_FLAGS;
      if (group.hasBackend) args.flags = VIABLE | CONTAINER_SET;
      else args.flags = group.vfio.iommu.owner ? 0 : VIABLE;
      return 0;
    },
  }),
  rows.value(IOCTL.SET_CONTAINER, (group, pointer, caller) => {
    setContainer(group, caller, readFd(caller, pointer));
    return 0;
  }),
  rows.value(IOCTL.UNSET_CONTAINER, (group) => {
    group.unsetContainer();
    return 0;
  }),
  rows.value(IOCTL.GET_DEVICE_FD, (group, pointer, caller) =>
    getDeviceFd(group, caller, readString(caller.mm, pointer)),
  ),
]);

/** A descriptor in memory: s32. @throws EFAULT */
function readFd(caller: Caller, pointer: bigint): number {
  const bytes = new Uint8Array(4);
  caller.mm.copyIn(pointer, bytes);
  return new DataView(bytes.buffer).getInt32(0, true);
}

/** @throws EBADF; EINVAL the group has one; EBADFD neither a container nor an iommufd; what joining says */
function setContainer(group: Group, caller: Caller, fd: number): void {
  const file = caller.file(fd);
  group.requireUnset();
  const container = file?.facet(CONTAINER);
  const iommufd = file?.facet(COMPAT_IOMMU);
  if (file && container) group.setContainer(container, file);
  else if (file && iommufd) group.setIommufd(iommufd, file);
  else throw new Errno('EBADFD', `descriptor ${fd} is neither /dev/vfio/vfio nor /dev/iommu`);
}

/** @throws ENODEV, EINVAL, EACCES, EMFILE; what the first open of the device says */
function getDeviceFd(group: Group, caller: Caller, text: string): number {
  const [name = ''] = text.split(' ', 1);
  const device = group.device(name);
  const uuid = parseOptions(text.slice(name.length));
  checkToken(device.name, device.tokenRole, uuid === undefined ? undefined : tokenOfUuid(uuid));
  return caller.install(group.openDevice(device), O.CLOEXEC);
}
