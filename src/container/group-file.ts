/** The file /dev/vfio/N: open once, and what its system calls do. */

import { NO_DATA } from '../kernel/file/no-data.js';
import { type FileTable, OpenFile } from '../kernel/file/open-file.js';
import { PROOF } from '../kernel/proof.js';
import type { AssignedDevice } from '../vfio/assigned-device.js';
import { VFIO_GROUP } from '../vfio/call/hot-reset.js';
import type { DeviceFileTable } from '../vfio/file.js';
import type { VfioGroup } from '../vfio/group.js';
import { coherencyProof } from '../vfio/open/coherency-proof.js';
import { Group } from './group.js';
import { GROUP_TABLE } from './group-table.js';

const FILE: FileTable<Group> = {
  name: ({ vfio }) => `/dev/vfio/${vfio.iommu.id}`,
  ioctl: (group, caller, request, argument, detail) => GROUP_TABLE.dispatch(group, caller, request, argument, detail),
  release: (group) => group.release(),
  ...NO_DATA,
  facets: [
    VFIO_GROUP.from((group: Group) => group.vfio.iommu),
    PROOF.from(({ vfio: { iommu } }: Group) =>
      coherencyProof(
        `/dev/vfio/${iommu.id}`,
        iommu,
        () => iommu.members,
        () => [...iommu.members].some(({ route }) => route !== undefined),
      ),
    ),
  ],
};

/** open(2) of /dev/vfio/N. @throws ENODEV, EBUSY */
export function openGroup(vfio: VfioGroup<AssignedDevice>, deviceFiles: DeviceFileTable): OpenFile {
  vfio.take();
  const group = new Group(vfio, deviceFiles);
  const file = new OpenFile(group, FILE);
  group.opened(file);
  return file;
}
