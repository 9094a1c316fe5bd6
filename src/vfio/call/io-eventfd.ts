/** VFIO_DEVICE_IOEVENTFD as it comes in: what is judged before the eventfd (linux-vfio.md, 5.8). */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { Fields } from '../../abi/layout.js';
import type { vfio_device_ioeventfd } from '../../abi/vfio.js';
import type { Caller } from '../../kernel/file/open-file.js';
import { splitOffset } from '../../pci/region-offset.js';
import type { DeviceFile } from '../device-file.js';
import { msixTable } from '../open/region-info.js';

const LAST_BAR = 5;
const WIDEST = 4;

/** @throws EINVAL, and what setting says */
export function setIoEventFd(file: DeviceFile, args: Fields<typeof vfio_device_ioeventfd>, caller: Caller): number {
  const { flags: width, offset, data, fd } = args;
  if (![1, 2, 4, 8].includes(width)) throw new Errno('EINVAL', `flags ${width} are not exactly one width`);
  if (fd < -1) throw new Errno('EINVAL', `descriptor ${fd}: -1 takes the eventfd away`);
  const device = file.require();
  const { index, offset: at } = splitOffset(offset);
  const bar = index <= LAST_BAR ? device.function.bar(index) : undefined;
  if (!bar || at + BigInt(width) > BigInt(bar.size)) {
    throw new Errno('EINVAL', `${hex(offset)} is in no BAR of the device`);
  }
  const table = msixTable(device.function);
  if (table?.bar === index && at < BigInt(table.end) && at + BigInt(width) > BigInt(table.start)) {
    throw new Errno('EINVAL', `${hex(at)} is in the MSI-X table`);
  }
  if (width > WIDEST) throw new Errno('EINVAL', 'eventfds write at most 4 bytes');
  device.ioEventFds.set(caller, { offset, data, width }, fd);
  return 0;
}
