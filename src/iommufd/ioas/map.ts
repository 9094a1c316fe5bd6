/** IOMMU_IOAS_MAP, MAP_FILE, COPY and UNMAP (linux-iommufd.md, 4). */
import { hex, offsetInPage, PAGE_SIZE, pageOf, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import { IOMMUFD_TEST } from '../../abi/iommufd-test.js';
import { AREA_READ, AREA_WRITE } from '../../iopt/area.js';
import { DMA_BUF, type DmaBuf, DmaBufPages } from '../../iopt/dma-buf.js';
import { mapSlices, slicesOf } from '../../iopt/map.js';
import { FilePages, UserPages } from '../../iopt/page-source.js';
import { SharedPages } from '../../iopt/shared-pages.js';
import { unmapAll, unmapRange } from '../../iopt/unmap.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import type { Caller } from '../../kernel/file/open-file.js';
import { allocation } from '../../memory/allocation.js';
import type { IommufdContext } from '../context.js';
import { nthArea } from '../selftest/nth-area.js';
import { Ioas } from './ioas.js';

const ACCESS = IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE | IOMMUFD.IOMMU_IOAS_MAP_READABLE;
const MAP_FLAGS = IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA | ACCESS;

/** @throws EOVERFLOW a value of all ones; EINVAL neither readable nor writable */
function checkMap(flags: number, ...values: bigint[]): void {
  if (values.includes(U64_MAX)) throw new Errno('EOVERFLOW', 'an address or length is 2^64-1');
  if ((flags & ACCESS) === 0) throw new Errno('EINVAL', 'neither READABLE nor WRITEABLE is asked for');
}

function accessOf(flags: number): number {
  return (
    (flags & IOMMUFD.IOMMU_IOAS_MAP_READABLE ? AREA_READ : 0) |
    (flags & IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE ? AREA_WRITE : 0)
  );
}

/** @param iova undefined: chosen */
function mapPages(
  ioas: Ioas,
  pages: SharedPages,
  source: bigint,
  length: bigint,
  iova: bigint | undefined,
  access: number,
): bigint {
  pages.get();
  try {
    allocation('a pages object');
    const startByte = BigInt(offsetInPage(source));
    return mapSlices(ioas.table, [{ pages, startByte, length }], iova, source, access);
  } finally {
    pages.put();
  }
}

/**
 * Maps memory of the caller.
 * @param iova undefined: chosen
 * @returns the I/O virtual address
 * @throws what mapSlices() does; EOVERFLOW
 */
export function mapUser(
  context: IommufdContext,
  caller: Caller,
  ioas: Ioas,
  address: bigint,
  length: bigint,
  iova: bigint | undefined,
  access: number,
): bigint {
  if (address + length > U64_MAX) throw new Errno('EOVERFLOW', `${hex(address)}+${hex(length)} wraps`);
  if (length === 0n || length > U64_MAX - BigInt(PAGE_SIZE)) throw new Errno('EINVAL', `length ${hex(length)}`);
  const source = new UserPages(caller.mm, address - BigInt(offsetInPage(address)));
  const pages = new SharedPages(source, (access & AREA_WRITE) !== 0, context.account(caller));
  return mapPages(ioas, pages, address, length, iova, access);
}

/** Maps a memory file, or a dma-buf. @throws EBADF, EINVAL, ENODEV, and what mapSlices() does */
function mapFile(
  context: IommufdContext,
  caller: Caller,
  ioas: Ioas,
  fd: number,
  start: bigint,
  length: bigint,
  iova: bigint | undefined,
  access: number,
): bigint {
  if (length === 0n) throw new Errno('EINVAL', 'length is 0');
  if (start + length - 1n > U64_MAX) throw new Errno('EOVERFLOW', `start ${hex(start)}+${hex(length)} wraps`);
  const file = caller.file(fd);
  const buffer = file?.facet(DMA_BUF);
  if (length > U64_MAX - BigInt(PAGE_SIZE)) throw new Errno('EINVAL', `length ${hex(length)}`);
  const writable = (access & AREA_WRITE) !== 0;
  if (file && buffer) {
    const pages = dmaBufPages(context, caller, buffer, () => file.put(), start, length, writable);
    file.get();
    return mapPages(ioas, pages, start, length, iova, access);
  }
  const pages = new SharedPages(new FilePages(caller.memoryFile(fd), pageOf(start)), writable, context.account(caller));
  return mapPages(ioas, pages, start, length, iova, access);
}

function dmaBufPages(
  context: IommufdContext,
  caller: Caller,
  buffer: DmaBuf,
  put: () => void,
  start: bigint,
  length: bigint,
  writable: boolean,
): SharedPages {
  if (BigInt(buffer.size) <= start + length - 1n) {
    throw new Errno('EINVAL', `${hex(start)}+${hex(length)} is beyond the ${buffer.size} bytes of ${buffer.name}`);
  }
  const source = new DmaBufPages(buffer, pageOf(start), () => pages.revoke(), put);
  const pages: SharedPages = new SharedPages(source, writable, { ...context.account(caller), mode: 'none' });
  return pages;
}

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

export const MAP_ROWS: readonly IoctlRow<IommufdContext>[] = [
  rows.struct(IOCTL.IOAS_MAP, {
    through: 'iova',
    flags: MAP_FLAGS,
    reserved: ['__reserved'],
    out: true,
    run(context, args, caller) {
      const { flags, user_va, length, iova } = args;
      checkMap(flags, iova, length);
      const ioas = context.objects.get(args.ioas_id, Ioas);
      const fixed = flags & IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA ? iova : undefined;
      args.iova = mapUser(context, caller, ioas, user_va, length, fixed, accessOf(flags));
      return 0;
    },
  }),
  rows.struct(IOCTL.IOAS_MAP_FILE, {
    through: 'iova',
    flags: MAP_FLAGS,
    out: true,
    run(context, args, caller) {
      const { flags, start, length, iova, fd } = args;
      checkMap(flags, iova, length);
      const ioas = context.objects.get(args.ioas_id, Ioas);
      const fixed = flags & IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA ? iova : undefined;
      args.iova = mapFile(context, caller, ioas, fd, start, length, fixed, accessOf(flags));
      return 0;
    },
  }),
  rows.struct(IOCTL.IOAS_COPY, {
    through: 'src_iova',
    out: true,
    run(context, args) {
      if (context.host.selftest && args.flags & IOMMUFD_TEST.MOCK_FLAGS_ACCESS_SYZ) {
        args.flags &= ~IOMMUFD_TEST.MOCK_FLAGS_ACCESS_SYZ;
        const ioas = context.objects.find(args.src_ioas_id);
        if (ioas instanceof Ioas) args.src_iova = nthArea(ioas.table, args.src_iova);
      }
      const { flags, length, dst_iova, src_iova } = args;
      if (flags & ~MAP_FLAGS) throw new Errno('EOPNOTSUPP', `unknown flag in iommu_ioas_copy.flags ${hex(flags)}`);
      checkMap(flags, length, src_iova, dst_iova);
      const slices = slicesOf(context.objects.get(args.src_ioas_id, Ioas).table, src_iova, length);
      const target = context.objects.get(args.dst_ioas_id, Ioas);
      const [first] = slices;
      const fixed = flags & IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA ? dst_iova : undefined;
      const source = first ? first.pages.source.origin + first.startByte : 0n;
      args.dst_iova = mapSlices(target.table, slices, fixed, source, accessOf(flags));
      return 0;
    },
  }),
  rows.struct(IOCTL.IOAS_UNMAP, {
    through: 'length',
    out: true,
    run(context, args) {
      const { table } = context.objects.get(args.ioas_id, Ioas);
      args.length = unmap(table, args.iova, args.length);
      return 0;
    },
  }),
];

/** @returns bytes. @throws EOVERFLOW, EINVAL, ENOENT, EBUSY */
function unmap(table: Ioas['table'], iova: bigint, length: bigint): bigint {
  const all = iova === 0n && length === U64_MAX;
  if (!all) {
    if (iova === U64_MAX || length === U64_MAX) throw new Errno('EOVERFLOW', 'an address or length is 2^64-1');
    if (length === 0n) throw new Errno('EINVAL', 'length is 0');
    if (iova + length - 1n > U64_MAX) throw new Errno('EOVERFLOW', `iova ${hex(iova)}+${hex(length)} wraps`);
  }
  const { bytes, error } = all ? unmapAll(table) : unmapRange(table, iova, iova + length - 1n);
  if (error) throw error;
  if (bytes === 0n && !all) throw new Errno('ENOENT', `nothing is mapped in ${hex(iova)}+${hex(length)}`);
  return bytes;
}
