/** The ioctls of /dev/vfio/vfio: number, struct and handler (linux-vfio.md, 3 and 4). */
import { Errno } from '../abi/errno.js';
import type { Values } from '../abi/layout.js';
import {
  VFIO_CONTAINER_IOCTLS as IOCTL,
  VFIO_DMA_MAP_FLAG as MAP,
  VFIO_DMA_UNMAP_FLAG as UNMAP,
  VFIO_API_VERSION,
  VFIO_IOMMU_INFO,
} from '../abi/vfio-container.js';
import { IoctlTable, Rows } from '../kernel/file/ioctl.js';
import type { Caller } from '../kernel/file/open-file.js';
import { VFIO_ARGSZ } from '../vfio/convention.js';
import { capabilityChain } from '../vfio/info-capability.js';
import type { Container } from './container.js';
import { type1Capabilities } from './type1/info.js';
import { mapDma, unmapDma } from './type1/map.js';
import { dirtyPages, unmapRequest } from './type1/requests.js';
import type { Type1 } from './type1/type1.js';

const rows = new Rows<Container>(VFIO_ARGSZ);
/** Bytes of struct vfio_iommu_type1_info: capabilities follow. */
const INFO_SIZE = IOCTL.IOMMU_GET_INFO.argument.size;

export const CONTAINER_TABLE = new IoctlTable<Container>(
  '/dev/vfio/vfio',
  [
    rows.value(IOCTL.GET_API_VERSION, () => VFIO_API_VERSION),
    rows.value(IOCTL.CHECK_EXTENSION, (container, number) => container.extension(number)),
    rows.value(IOCTL.SET_IOMMU, (container, type) => {
      container.setIommu(type);
      return 0;
    }),
    rows.struct(IOCTL.IOMMU_GET_INFO, {
      through: 'iova_pgsizes',
      out: true,
      run: ({ type1 }, args, caller, address) => {
        fillInfo(type1, args, caller, address);
        return 0;
      },
    }),
    rows.struct(IOCTL.IOMMU_MAP_DMA, {
      flags: MAP.READ | MAP.WRITE | MAP.VADDR,
      run: ({ type1 }, { flags, vaddr, iova, size }, caller) => {
        const [read, write] = [(flags & MAP.READ) !== 0, (flags & MAP.WRITE) !== 0];
        mapDma(type1, caller.mm, { read, write, changeVaddr: (flags & MAP.VADDR) !== 0, vaddr, iova, size });
        return 0;
      },
    }),
    rows.struct(IOCTL.IOMMU_UNMAP_DMA, {
      flags: UNMAP.GET_DIRTY_BITMAP | UNMAP.ALL | UNMAP.VADDR,
      out: true,
      run: ({ type1 }, args, caller, address) => {
        args.size = unmapDma(type1, caller.mm, unmapRequest(caller.mm, args, address));
        return 0;
      },
    }),
    rows.struct(IOCTL.IOMMU_DIRTY_PAGES, {
      run: ({ type1 }, args, caller, address) => {
        dirtyPages(type1, caller.mm, args, address);
        return 0;
      },
    }),
  ],
  (container, { request }) => {
    if (request === IOCTL.IOMMU_DIRTY_PAGES.request && !container.type1.v2) {
      throw new Errno('EACCES', 'dirty pages are told by type 3 (TYPE1v2), not by type 1');
    }
  },
);

type InfoArguments = Values<{ argsz: 'u32'; flags: 'u32'; iova_pgsizes: 'u64'; cap_offset: 'u32'; pad: 'u32' }>;

function fillInfo(type1: Type1, args: InfoArguments, caller: Caller, address: bigint): void {
  args.flags = VFIO_IOMMU_INFO.PGSIZES | VFIO_IOMMU_INFO.CAPS;
  args.iova_pgsizes = type1.pageSizes;
  args.cap_offset = 0;
  const chain = capabilityChain(type1Capabilities(type1), INFO_SIZE);
  if (args.argsz < INFO_SIZE + chain.length) args.argsz = INFO_SIZE + chain.length;
  else {
    caller.mm.copyOut(address + BigInt(INFO_SIZE), chain);
    args.cap_offset = INFO_SIZE;
  }
}
