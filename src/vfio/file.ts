/** The open file of a device: ioctls, regions by offset, mmap of a region, the last close. */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { LINUX_VFIO } from '../abi/vfio.js';
import {
  BACKING,
  type FileTable,
  type MappableMemory,
  type MmapGrant,
  type MmapRequest,
  OpenFile,
} from '../kernel/open-file.js';
import { PROOF, type Proof } from '../kernel/proof.js';
import { splitOffset } from '../pci/region-offset.js';
import { type AssignedDevice, VfioFile } from './assigned-device.js';
import { readRegion, region, writeRegion } from './regions.js';
import { VFIO_TABLE } from './table.js';

/** BARs with memory can be mapped, whole pages of them, shared. @throws EINVAL */
function mmap(file: VfioFile, { offset, size, shared }: MmapRequest): MmapGrant {
  file.require();
  const device = file.device.function;
  const { index, offset: start } = splitOffset(offset);
  const { size: length, flags } = region(device, index);
  const memory = device.bar(index)?.memory;
  if (!memory || (flags & LINUX_VFIO.VFIO_REGION_INFO_FLAG_MMAP) === 0)
    throw new Errno('EINVAL', `region ${index} cannot be mapped`);
  if (!shared) throw new Errno('EINVAL', 'regions are mapped with MAP_SHARED');
  if (size === 0n || start + size > length) {
    throw new Errno('EINVAL', `${hex(start)}+${hex(size)} is outside the ${length} bytes of region ${index}`);
  }
  device.map(index, Number(start), Number(size));
  return { memory, offset: Number(start) };
}

/** The memory of its BARs, in the order of the regions. */
function backing(file: VfioFile): MappableMemory[] {
  return file.device.function.bars.flatMap(({ memory }) => memory ?? []);
}

/** What a device file proves: how its IOMMU treats no-snoop requests. The keeper has a record of it for each VM. */
function proof(file: VfioFile): Proof {
  const facts = () => ({ need: false, bound: false, unenforced: !file.device.requester.unit.enforcesSnoop });
  return {
    kind: 'vfio',
    record: (authority) => authority.addFile({ facts }, () => {}),
    returned: (authority, record) => authority.removeFile(record),
  };
}

const FILE: FileTable<VfioFile> = {
  name: (file) => `/dev/vfio/devices/${file.device.name}`,
  ioctl: (file, caller, request, argument, detail) => VFIO_TABLE.dispatch(file, caller, request, argument, detail),
  pread(file, _caller, into, offset) {
    file.require();
    return readRegion(file.device.function, into, offset);
  },
  pwrite(file, _caller, from, offset) {
    file.require();
    return writeRegion(file.device.function, from, offset);
  },
  mmap: (file, _caller, request) => mmap(file, request),
  release: (file) => file.release(),
  facets: [PROOF.from(proof), BACKING.from(backing)],
};

/** open(2) of a device file. */
export function openDevice(device: AssignedDevice): OpenFile {
  return new OpenFile(new VfioFile(device), FILE);
}
