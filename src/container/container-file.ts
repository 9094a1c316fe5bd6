/** The file /dev/vfio/vfio: what its system calls do, and what other files ask it for. */

import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { VFIO_CONTAINER_IOCTLS as IOCTL } from '../abi/vfio-container.js';
import { Facet } from '../kernel/file/facet.js';
import { NO_DATA } from '../kernel/file/no-data.js';
import { type FileTable, OpenFile } from '../kernel/file/open-file.js';
import { Container, type ContainerParameters } from './container.js';
import { CONTAINER_TABLE } from './container-table.js';

export const CONTAINER_PATH = '/dev/vfio/vfio';

/** The container that an open file is. */
export const CONTAINER = new Facet<Container>('vfio container');

/** What a container answers before it has an IOMMU driver. */
const ALWAYS: ReadonlySet<number> = new Set(
  [IOCTL.GET_API_VERSION, IOCTL.CHECK_EXTENSION, IOCTL.SET_IOMMU].map(({ request }) => request),
);

const CONTAINER_FILE: FileTable<Container> = {
  name: () => CONTAINER_PATH,
  ioctl: (container, caller, request, argument, detail) => {
    if (!container.hasDriver && !ALWAYS.has(request)) {
      throw new Errno(
        'EINVAL',
        `the container has no IOMMU driver that could take ${hex(request)}: SET_IOMMU chooses one`,
      );
    }
    return CONTAINER_TABLE.dispatch(container, caller, request, argument, detail);
  },
  ...NO_DATA,
  facets: [CONTAINER.from((container) => container)],
};

/**
 * open(2) of /dev/vfio/vfio.
 * @param all the containers that live: it is one of them until nobody holds its file
 */
export function openContainer(all: Set<Container>, parameters: ContainerParameters): OpenFile {
  const container = new Container(parameters);
  all.add(container);
  return new OpenFile(container, { ...CONTAINER_FILE, release: () => all.delete(container) });
}
