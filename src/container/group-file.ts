/** The file /dev/vfio/N: open once, and what its system calls do. */

import { NO_DATA } from '../kernel/file/no-data.js';
import { type FileTable, OpenFile } from '../kernel/file/open-file.js';
import { PROOF } from '../kernel/proof.js';
import type { AssignedDevice } from '../vfio/assigned-device.js';
import { VFIO_GROUP } from '../vfio/call/hot-reset.js';
import type { DeviceFileTable } from '../vfio/file.js';
import type { VfioGroup } from '../vfio/group.js';
import { Group } from './group.js';
import { GROUP_TABLE } from './group-table.js';

/** What a group proves to a VM: how its IOMMU treats no-snoop requests. */
function unenforced({ vfio }: Group): boolean {
  return [...vfio.iommu.members].some(({ unit }) => !unit.enforcesSnoop);
}

const FILE: FileTable<Group> = {
  name: ({ vfio }) => `/dev/vfio/${vfio.iommu.id}`,
  ioctl: (group, caller, request, argument, detail) => GROUP_TABLE.dispatch(group, caller, request, argument, detail),
  release: (group) => group.release(),
  ...NO_DATA,
  facets: [
    VFIO_GROUP.from((group: Group) => group.vfio.iommu),
    PROOF.from((group: Group) => ({
      kind: 'vfio',
      label: `/dev/vfio/${group.vfio.iommu.id}`,
      record: (authority) =>
        authority.addFile({ facts: () => ({ need: false, bound: false, unenforced: unenforced(group) }) }, () => {}),
      returned: (authority, record) => authority.removeFile(record),
    })),
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
