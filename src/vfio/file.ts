/** The open file of a device: ioctls, regions by offset, mmap of a region, the last close. */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { LINUX_VFIO } from '../abi/vfio.js';
import { BACKING, type FileTable, type MmapGrant, type MmapRequest, OpenFile } from '../kernel/open-file.js';
import { PROOF, type Proof } from '../kernel/proof.js';
import { type AssignedDevice, VfioFile } from './assigned-device.js';
import { readRegion, region, splitOffset, writeRegion } from './regions.js';
import { VFIO_TABLE } from './table.js';

/** BAR2 can be mapped, whole pages of it, shared. @throws EINVAL */
function mmap(file: VfioFile, { offset, size, shared }: MmapRequest): MmapGrant {
  file.require();
  const { model } = file.device;
  const { index, offset: start } = splitOffset(offset);
  const { size: length, flags } = region(model, index);
  if ((flags & LINUX_VFIO.VFIO_REGION_INFO_FLAG_MMAP) === 0)
    throw new Errno('EINVAL', `region ${index} cannot be mapped`);
  if (!shared) throw new Errno('EINVAL', 'regions are mapped with MAP_SHARED');
  if (size === 0n || start + size > length) {
    throw new Errno('EINVAL', `${hex(start)}+${hex(size)} is outside the ${length} bytes of region ${index}`);
  }
  return { memory: model.memory, offset: Number(start) };
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
    return readRegion(file.device.model, file.device.config, into, offset);
  },
  pwrite(file, _caller, from, offset) {
    file.require();
    return writeRegion(file.device.model, file.device.config, from, offset);
  },
  mmap: (file, _caller, request) => mmap(file, request),
  release: (file) => file.release(),
  facets: [PROOF.from(proof), BACKING.from((file: VfioFile) => file.device.model.memory)],
};

/** open(2) of a device file. */
export function openDevice(device: AssignedDevice): OpenFile {
  return new OpenFile(new VfioFile(device), FILE);
}
