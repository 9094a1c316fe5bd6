/**
 * Hot reset (linux-vfio.md, 5.7): the reset of a whole bus, for functions that cannot be reset alone. Its caller must own
 * every function that it concerns.
 */
import { Errno } from '../../abi/errno.js';
import type { Fields } from '../../abi/layout.js';
import {
  VFIO_PCI_HOT_RESET_FLAG as FLAG,
  vfio_pci_dependent_device,
  vfio_pci_hot_reset,
  vfio_pci_hot_reset_info,
} from '../../abi/vfio.js';
import type { IommuGroup } from '../../iommu/requester.js';
import { Facet } from '../../kernel/file/facet.js';
import type { Caller } from '../../kernel/file/open-file.js';
import type { AssignedDevice } from '../assigned-device.js';
import type { DeviceFile } from '../device-file.js';
import type { BusFunction } from '../host.js';

/** The group that an open /dev/vfio/N is: a proof that its holder owns the group. */
export const VFIO_GROUP = new Facet<IommuGroup>('vfio group');

/** @throws ENODEV the bus cannot be reset */
function affected({ device }: DeviceFile): readonly BusFunction<AssignedDevice>[] {
  const functions = device.host.busFunctions(device);
  if (!functions) throw new Errno('ENODEV', `${device.name} is on a root bus, which cannot be reset`);
  return functions;
}

/** How the caller is told of a function. */
function idOf(file: DeviceFile, { group, device }: BusFunction<AssignedDevice>): number {
  const name = file.binding?.deviceId;
  if (file.through === 'group' || !name) return group.id;
  return device ? name(device.requester) : -1;
}

/** VFIO_DEVICE_GET_PCI_HOT_RESET_INFO. @throws ENODEV; ENOSPC the array is too small, `count` says how many there are */
export function hotResetInfo(
  file: DeviceFile,
  args: Fields<typeof vfio_pci_hot_reset_info>,
  caller: Caller,
  address: bigint,
): number {
  const functions = affected(file);
  const { size } = vfio_pci_dependent_device;
  const room = Math.floor((args.argsz - vfio_pci_hot_reset_info.size) / size);
  const ids = functions.map((it) => idOf(file, it));
  const named = file.through === 'cdev' && file.binding?.deviceId !== undefined;
  args.flags = !named ? 0 : ids.includes(-1) ? FLAG.DEV_ID : FLAG.DEV_ID | FLAG.DEV_ID_OWNED;
  args.count = functions.length;
  if (room < functions.length) throw new Errno('ENOSPC', `${functions.length} functions are concerned`);
  const bytes = new Uint8Array(functions.length * size);
  const view = new DataView(bytes.buffer);
  const { set } = vfio_pci_dependent_device;
  for (const [i, { address: name }] of functions.entries()) {
    const [segment = 0, bus = 0, slot = 0, fn = 0] = name.split(/[:.]/).map((part) => Number.parseInt(part, 16));
    set.id(view, ids[i] ?? 0, i * size);
    set.segment(view, segment, i * size);
    set.bus(view, bus, i * size);
    set.devfn(view, (slot << 3) | fn, i * size);
  }
  caller.mm.copyOut(address + BigInt(vfio_pci_hot_reset_info.size), bytes);
  return 0;
}

/** VFIO_DEVICE_PCI_HOT_RESET. @throws EINVAL, ENODEV, EFAULT, EBADF */
export function hotReset(
  file: DeviceFile,
  { count }: Fields<typeof vfio_pci_hot_reset>,
  caller: Caller,
  address: bigint,
): number {
  const byGroup = file.through === 'group' || !file.binding?.deviceId;
  if (byGroup !== count > 0) {
    throw new Errno('EINVAL', byGroup ? 'the groups that are owned must be given' : 'a cdev gives no groups');
  }
  const functions = affected(file);
  if (count > functions.length) throw new Errno('EINVAL', `${count} groups for ${functions.length} functions`);
  const groups = byGroup ? readGroups(caller, address + BigInt(vfio_pci_hot_reset.size), count) : undefined;
  const devices: AssignedDevice[] = [];
  for (const it of functions) {
    const owned = groups ? groups.has(it.group) : idOf(file, it) >= 0;
    if (!it.device || !owned) throw new Errno('EINVAL', `${it.address} is not the caller's`);
    devices.push(it.device);
  }
  for (const device of devices) device.resetWithBus();
  return 0;
}

function readGroups(caller: Caller, address: bigint, count: number): Set<IommuGroup> {
  const bytes = new Uint8Array(4 * count);
  caller.mm.copyIn(address, bytes);
  const view = new DataView(bytes.buffer);
  const groups = new Set<IommuGroup>();
  for (let i = 0; i < count; i++) {
    const fd = view.getInt32(4 * i, true);
    const group = caller.file(fd)?.facet(VFIO_GROUP);
    if (!group) throw new Errno('EINVAL', `descriptor ${fd} is not a group`);
    groups.add(group);
  }
  return groups;
}
