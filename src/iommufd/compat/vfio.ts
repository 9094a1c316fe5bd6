/**
 * VFIO's container ioctls on /dev/iommu (linux-iommufd.md, 14): they act on one IOAS of the context, which IOMMU_VFIO_IOAS or
 * a VFIO group chooses.
 */
import { hex, lastWraps } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD, IOMMUFD_IOCTLS } from '../../abi/iommufd.js';
import {
  VFIO_CONTAINER_IOCTLS as IOCTL,
  VFIO_API_VERSION,
  VFIO_DMA_MAP_FLAG,
  VFIO_DMA_UNMAP_FLAG,
  VFIO_EXTENSION,
} from '../../abi/vfio-container.js';
import { AREA_READ, AREA_WRITE } from '../../iopt/area.js';
import { cutAfter, type Unmapped, unmapAll, unmapRange } from '../../iopt/unmap.js';
import { ARGSZ, IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, IoctlTable, Rows } from '../../kernel/file/ioctl.js';
import type { IommufdContext } from '../context.js';
import { HwptPaging } from '../hwpt/hwpt.js';
import { Ioas } from '../ioas/ioas.js';
import { mapUser } from '../ioas/map.js';
import { getInfo } from './info.js';

/** The IOAS that VFIO's calls act on. @throws ENODEV there is none */
export function compatIoas(context: IommufdContext): Ioas {
  if (!context.compat) throw new Errno('ENODEV', 'the context has no IOAS for VFIO: IOMMU_VFIO_IOAS sets it');
  return context.compat;
}

export const COMPAT_ROW: IoctlRow<IommufdContext> = new Rows<IommufdContext>(IOMMUFD_SIZE).struct(
  IOMMUFD_IOCTLS.VFIO_IOAS,
  {
    reserved: ['__reserved'],
    out: true,
    run(context, args) {
      if (args.op === IOMMUFD.IOMMU_VFIO_IOAS_GET) args.ioas_id = compatIoas(context).id;
      else if (args.op === IOMMUFD.IOMMU_VFIO_IOAS_SET) context.compat = context.objects.get(args.ioas_id, Ioas);
      else if (args.op === IOMMUFD.IOMMU_VFIO_IOAS_CLEAR) context.compat = undefined;
      else throw new Errno('EOPNOTSUPP', `unknown operation ${args.op}`);
      return 0;
    },
  },
);

function checkExtension(context: IommufdContext, extension: bigint): number {
  switch (Number(extension)) {
    case VFIO_EXTENSION.TYPE1_IOMMU:
    case VFIO_EXTENSION.TYPE1v2_IOMMU:
    case VFIO_EXTENSION.UNMAP_ALL:
      return 1;
    case VFIO_EXTENSION.DMA_CC_IOMMU:
      for (const hwpt of compatIoas(context).hwpts) {
        if (hwpt instanceof HwptPaging && !hwpt.domain.enforceCoherency) return 0;
      }
      return 1;
    default:
      return 0;
  }
}

/** @throws EINVAL, ENODEV, EADDRINUSE */
function setIommu(context: IommufdContext, type: bigint): number {
  const first = type === BigInt(VFIO_EXTENSION.TYPE1_IOMMU);
  if (!first && type !== BigInt(VFIO_EXTENSION.TYPE1v2_IOMMU)) throw new Errno('EINVAL', `unknown IOMMU type ${type}`);
  const { table } = compatIoas(context);
  // Type 1 may unmap parts of mappings, which large pages do not allow.
  if (first) table.setLargePages(false);
  return 0;
}

/** @throws EINVAL, EBUSY, EOPNOTSUPP the range cannot be cut out of a mapping; nothing is written back then */
function unmap(ioas: Ioas, iova: bigint, size: bigint): Unmapped {
  const { table } = ioas;
  if (!table.largePages) {
    // The range is cut out of what is mapped; its two ends are looked at before it is judged, as Linux does.
    cutAfter(table, BigInt.asUintN(64, iova + size - 1n));
    if (iova !== 0n) cutAfter(table, iova - 1n);
  }
  if (size === 0n) return { bytes: 0n, error: new Errno('EINVAL', 'size is 0') };
  if (lastWraps(iova, size)) {
    return { bytes: 0n, error: new Errno('EOVERFLOW', `iova ${hex(iova)}+${hex(size)} wraps`) };
  }
  return unmapRange(table, iova, iova + size - 1n);
}

/** What an unmap did is written back, also where it then failed. */
const failures = new WeakSet<Errno>();

const rows = new Rows<IommufdContext>(ARGSZ);

const VFIO_TABLE = new IoctlTable<IommufdContext>('/dev/iommu', [
  rows.value(IOCTL.GET_API_VERSION, () => VFIO_API_VERSION),
  rows.value(IOCTL.CHECK_EXTENSION, checkExtension),
  rows.value(IOCTL.SET_IOMMU, setIommu),
  rows.struct(IOCTL.IOMMU_GET_INFO, {
    through: 'iova_pgsizes',
    out: true,
    run: (context, args, { mm }, address) => getInfo(compatIoas(context).table, args, mm, address),
  }),
  rows.struct(IOCTL.IOMMU_MAP_DMA, {
    flags: VFIO_DMA_MAP_FLAG.READ | VFIO_DMA_MAP_FLAG.WRITE,
    run(context, args, caller) {
      const access =
        (args.flags & VFIO_DMA_MAP_FLAG.READ ? AREA_READ : 0) | (args.flags & VFIO_DMA_MAP_FLAG.WRITE ? AREA_WRITE : 0);
      mapUser(context, caller, compatIoas(context), args.vaddr, args.size, args.iova, access);
      return 0;
    },
  }),
  rows.struct(IOCTL.IOMMU_UNMAP_DMA, {
    flags: VFIO_DMA_UNMAP_FLAG.ALL,
    out: true,
    outOnError: (error) => failures.has(error),
    run(context, args) {
      const ioas = compatIoas(context);
      const all = (args.flags & VFIO_DMA_UNMAP_FLAG.ALL) !== 0;
      if (all && (args.iova !== 0n || args.size !== 0n)) throw new Errno('EINVAL', 'with ALL, iova and size are 0');
      const done = all ? unmapAll(ioas.table) : unmap(ioas, args.iova, args.size);
      args.size = done.bytes;
      if (done.error) {
        failures.add(done.error);
        throw done.error;
      }
      return 0;
    },
  }),
]);

/** Serves an ioctl that is not iommufd's own. @throws ENOTTY it is not VFIO's either */
export const vfioIoctl = VFIO_TABLE.dispatch.bind(VFIO_TABLE);
