/** The open file of /dev/iommu: ioctls of iommufd's own numbers, VFIO's for all others, and mmap. */
import { Facet } from '../kernel/file/facet.js';
import { type FileTable, OpenFile } from '../kernel/file/open-file.js';
import { GROWING } from '../kernel/plain-memory.js';
import { COMPAT_IOMMU } from '../vfio/compat-iommu.js';
import { vfioIoctl } from './compat/vfio.js';
import { IommufdContext, type IommufdHost } from './context.js';
import { IOMMUFD_SELFTEST_TABLE, IOMMUFD_TABLE } from './table.js';
import { compatIommu } from './vfio-device.js';

/** The context behind an open file: what a VFIO device is bound to. */
export const IOMMUFD = new Facet<IommufdContext>('iommufd');

/** Numbers of iommufd's own ioctls begin here. */
const FIRST = 0x80;

export const IOMMUFD_FILE: FileTable<IommufdContext> = {
  name: () => '/dev/iommu',
  ioctl(context, caller, request, argument, detail) {
    const table = context.host.selftest ? IOMMUFD_SELFTEST_TABLE : IOMMUFD_TABLE;
    if ((request & 0xff) >= FIRST && table.has(request)) {
      return table.dispatch(context, caller, request, argument, detail);
    }
    return vfioIoctl(context, caller, request, argument, detail);
  },
  mmap: (context, _caller, request) => context.mmaps.map(request),
  release: (context) => context.put(),
  facets: [
    IOMMUFD.from((context) => context),
    COMPAT_IOMMU.from(compatIommu),
    GROWING.from((context: IommufdContext) => context.mmaps),
  ],
};

/** open(2) of /dev/iommu: a new context. */
export function openIommufd(host: IommufdHost): OpenFile<IommufdContext> {
  return new OpenFile(new IommufdContext(host), IOMMUFD_FILE);
}
