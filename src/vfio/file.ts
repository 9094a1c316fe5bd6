/** The open file of a device: ioctls, regions by offset, mmap of a region, the last close. */
import { hex, PAGE_SIZE } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { LINUX_VFIO, VFIO_TYPE } from '../abi/vfio.js';
import {
  BACKING,
  DEVICE,
  FDINFO,
  type FileTable,
  type MmapGrant,
  type MmapRequest,
  OpenFile,
} from '../kernel/file/open-file.js';
import { PROOF, type Proof } from '../kernel/proof.js';
import { regionOffset, splitOffset } from '../pci/region-offset.js';
import type { AssignedDevice } from './assigned-device.js';
import { DeviceFile } from './device-file.js';
import { type DeviceRows, deviceTable } from './device-table.js';
import { coherencyProof } from './open/coherency-proof.js';
import { region } from './open/region-info.js';
import { readRegion, writeRegion } from './open/regions.js';

/** Memory BARs can be mapped, whole pages of them, shared. @throws EINVAL */
function mmap(file: DeviceFile, { offset, size, shared }: MmapRequest): MmapGrant {
  const device = file.require();
  const { index, offset: start } = splitOffset(offset);
  if (index >= LINUX_VFIO.VFIO_PCI_NUM_REGIONS) throw new Errno('EINVAL', `the device has no region ${index}`);
  if (!shared) throw new Errno('EINVAL', 'regions are mapped with MAP_SHARED');
  const { size: length, flags } = region(device.function, index);
  const bar = device.function.bar(index);
  if (!bar?.memory || (flags & LINUX_VFIO.VFIO_REGION_INFO_FLAG_MMAP) === 0)
    throw new Errno('EINVAL', `region ${index} cannot be mapped`);
  const room = BigInt(Math.ceil(length / PAGE_SIZE) * PAGE_SIZE);
  if (size === 0n || start + size > room) {
    throw new Errno('EINVAL', `${hex(start)}+${hex(size)} is outside the ${length} bytes of region ${index}`);
  }
  const [first, end] = [Number(start), Number(start + size)];
  if (!bar.mappable.some((it) => it.offset <= first && end <= Math.max(it.offset + it.size, Number(room)))) {
    throw new Errno('EINVAL', `${hex(start)}+${hex(size)} of region ${index} are registers that are not mapped`);
  }
  if (!bar.hold(device)) throw new Errno('EBUSY', `BAR ${index} is mapped through its file in sysfs`);
  device.function.map(index, first, Number(size));
  return { memory: bar.memory, offset: first };
}

function nameOf({ device, through }: DeviceFile): string {
  return through === 'cdev' ? `/dev/vfio/devices/${device.name}` : 'anon_inode:[vfio-device]';
}

/** What a device file proves, bound or not. */
function proof(file: DeviceFile): Proof {
  const { requester } = file.device;
  return coherencyProof(
    nameOf(file),
    requester.group,
    () => [requester],
    () => file.binding !== undefined,
  );
}

/** Numbers of VFIO and iommufd, which share a type: up to IOMMU_HW_QUEUE_ALLOC. */
const LAST_NUMBER = 0x94;
const isLinuxs = (request: number): boolean => request >>> 8 === VFIO_TYPE && (request & 0xff) <= LAST_NUMBER;

/** What the device files of a machine do. */
export type DeviceFileTable = FileTable<DeviceFile>;

/** Makes it. @param wings what the personalities of the machine add */
export function deviceFileTable(wings: readonly DeviceRows[]): DeviceFileTable {
  const table = deviceTable(wings);
  return {
    name: nameOf,
    ioctl: (file, caller, request, argument, detail) => {
      // Linux looks at access first. A number that Linux gives to nothing is unknown in any case (uapi-ioasid.md, 2).
      if (!table.has(request) && isLinuxs(request)) file.require();
      return table.dispatch(file, caller, request, argument, detail);
    },
    pread(file, _caller, into, offset) {
      const device = file.require();
      device.lowPower.touch();
      return readRegion(device, into, offset);
    },
    pwrite(file, _caller, from, offset) {
      const device = file.require();
      device.lowPower.touch();
      return writeRegion(device, from, offset);
    },
    mmap: (file, _caller, request) => mmap(file, request),
    release: (file) => {
      file.unbind();
      if (file.through === 'cdev') file.device.closeNode();
    },
    facets: [
      PROOF.from(proof),
      DEVICE.from(({ device }: DeviceFile) => device.name),
      FDINFO.from(({ device }: DeviceFile) => `vfio-device-syspath: ${device.facts.directory}\n`),
      BACKING.from((file: DeviceFile) =>
        file.device.function.bars.flatMap(({ index, memory }) => (memory ? [{ memory, at: regionOffset(index) }] : [])),
      ),
    ],
  };
}

/** open(2) of a device's own file. @throws ENODEV */
export function openDevice(device: AssignedDevice, table: DeviceFileTable): OpenFile {
  device.openNode();
  return new OpenFile(new DeviceFile(device, 'cdev'), table);
}
