/** MAP_DMA and UNMAP_DMA of a type1 IOMMU, in the order in which Linux judges (linux-vfio.md, 4.2 to 4.4). */
import { addressOfPage, hex, last, lastWraps, pageOf, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { inside } from '../../iommu/unit.js';
import type { Mm } from '../../memory/mm.js';
import { checkBitmapSize, type UserBitmap, writeDirty } from './dirty.js';
import { bytesOf, type DmaMapping, lastPage } from './mappings.js';
import { forget, install, reach } from './pages.js';
import type { Type1 } from './type1.js';

export interface MapRequest {
  readonly read: boolean;
  readonly write: boolean;
  /** VFIO_DMA_MAP_FLAG_VADDR: give a mapping another user address. */
  readonly changeVaddr: boolean;
  readonly vaddr: bigint;
  readonly iova: bigint;
  readonly size: bigint;
}

/** VFIO_IOMMU_MAP_DMA. @throws EINVAL, EOVERFLOW, ENOENT, EEXIST, ENOSPC, EFAULT, ENOMEM */
export function mapDma(type1: Type1, mm: Mm, request: MapRequest): void {
  const { read, write, changeVaddr, vaddr, iova, size } = request;
  if (size === 0n) throw new Errno('EINVAL', 'size is 0');
  if (lastWraps(iova, size)) throw new Errno('EOVERFLOW', `iova ${hex(iova)} + size ${hex(size)} wraps`);
  if (lastWraps(vaddr, size)) throw new Errno('EOVERFLOW', `vaddr ${hex(vaddr)} + size ${hex(size)} wraps`);
  const access = read || write;
  if (access === changeVaddr) throw new Errno('EINVAL', 'flags are either READ and WRITE, or VADDR');
  if (((iova | vaddr | size) & (type1.pageSize - 1n)) !== 0n) {
    throw new Errno(
      'EINVAL',
      `iova ${hex(iova)}, vaddr ${hex(vaddr)} and size ${hex(size)} are not multiples of ${type1.pageSize}`,
    );
  }
  const first = pageOf(iova);
  const pages = pageOf(size);
  const found = type1.mappings.touching(first, first + pages - 1);
  if (changeVaddr) {
    changeAddress(type1, mm, found, first, pages, vaddr);
    return;
  }
  if (found) throw new Errno('EEXIST', `${hex(iova)}+${hex(size)} overlaps the mapping at ${at(found)}`);
  if (type1.available === 0) throw new Errno('ENOSPC', 'the container has as many mappings as dma_entry_limit allows');
  if (!inside(type1.ranges, iova, last(iova, size))) {
    throw new Errno('EINVAL', `${hex(iova)}-${hex(last(iova, size))} is not inside one permitted range`);
  }
  const { runs, charged } = reach(mm, vaddr, pages, write);
  const mapping: DmaMapping = { first, pages, read, write, vaddr, vaddrInvalid: false, mm, runs, charged };
  try {
    install(type1, mapping);
  } catch (error) {
    mm.uncharge(charged);
    throw error;
  }
  type1.mappings.add(mapping);
  type1.available--;
}

const at = ({ first }: DmaMapping): string => hex(addressOfPage(first));

/** Gives a mapping another user address, and its charge to the caller (4.4): the memory is the same, the user promises. */
function changeAddress(
  type1: Type1,
  mm: Mm,
  mapping: DmaMapping | undefined,
  first: number,
  pages: number,
  vaddr: bigint,
): void {
  if (!mapping) throw new Errno('ENOENT', `nothing is mapped at ${hex(addressOfPage(first))}`);
  if (!mapping.vaddrInvalid || mapping.first !== first || mapping.pages !== pages) {
    throw new Errno('EINVAL', `the mapping at ${at(mapping)} has its user address, or another size`);
  }
  if (mapping.mm !== mm) {
    mm.charge(mapping.charged);
    mapping.mm.uncharge(mapping.charged);
    mapping.mm = mm;
  }
  mapping.vaddr = vaddr;
  mapping.vaddrInvalid = false;
  type1.invalid--;
}

export interface UnmapRequest {
  /** VFIO_DMA_UNMAP_FLAG_ALL. */
  readonly all: boolean;
  /** VFIO_DMA_UNMAP_FLAG_VADDR: only the user addresses go. */
  readonly vaddr: boolean;
  readonly iova: bigint;
  readonly size: bigint;
  /** VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP: where the dirty pages are told. */
  readonly bitmap: UserBitmap | undefined;
}

/** VFIO_IOMMU_UNMAP_DMA. Returns the bytes unmapped, or whose user addresses went. @throws EINVAL, EOVERFLOW, EFAULT */
export function unmapDma(type1: Type1, mm: Mm, request: UnmapRequest): bigint {
  const { all, iova, size, bitmap } = request;
  const mask = type1.pageSize - 1n;
  if ((iova & mask) !== 0n) throw new Errno('EINVAL', `iova ${hex(iova)} is not a multiple of ${type1.pageSize}`);
  if (all && (iova !== 0n || size !== 0n)) throw new Errno('EINVAL', 'with ALL, iova and size are 0');
  if (!all && (size === 0n || (size & mask) !== 0n)) {
    throw new Errno('EINVAL', `size ${hex(size)} is not a positive multiple of ${type1.pageSize}`);
  }
  if (!all && lastWraps(iova, size)) throw new Errno('EOVERFLOW', `iova ${hex(iova)} + size ${hex(size)} wraps`);
  if (bitmap && (!type1.dirtyTracking || bitmap.pageSize !== type1.pageSize)) {
    throw new Errno('EINVAL', `dirty tracking is off, or a bit stands for other than ${type1.pageSize} bytes`);
  }
  const first = pageOf(iova);
  const end = pageOf(all ? U64_MAX : last(iova, size));
  const found = chosen(type1, first, end, all);
  if (request.vaddr) return takeAddresses(type1, found);
  if (bitmap) writeDirty(mm, bitmap, first, found);
  for (const mapping of found) forget(type1, mapping);
  type1.mappings.remove(found);
  type1.available += found.length;
  type1.invalid -= found.filter((mapping) => mapping.vaddrInvalid).length;
  return total(found);
}

/** The mappings that an unmap means: v2 refuses to cut one; v1 takes whole ones that begin in the range. */
function chosen({ mappings, v2 }: Type1, first: number, end: number, all: boolean): DmaMapping[] {
  const found = mappings.all(first, end);
  if (all) return found;
  if (v2) {
    refuseCut(found, first, end);
    return found;
  }
  const lowest = found[0];
  return lowest && lowest.first < first ? [] : found;
}

/** @throws EINVAL the range [first, end] of pages cuts a mapping */
export function refuseCut(found: readonly DmaMapping[], first: number, end: number): void {
  for (const mapping of [found[0], found.at(-1)]) {
    if (mapping && (mapping.first < first || lastPage(mapping) > end)) {
      throw new Errno('EINVAL', `the range cuts the mapping at ${at(mapping)}, size ${hex(bytesOf(mapping))}`);
    }
  }
}

function takeAddresses(type1: Type1, found: readonly DmaMapping[]): bigint {
  const without = found.find((mapping) => mapping.vaddrInvalid);
  if (without) throw new Errno('EINVAL', `the mapping at ${at(without)} has no user address already`);
  for (const mapping of found) mapping.vaddrInvalid = true;
  type1.invalid += found.length;
  return total(found);
}

const total = (mappings: readonly DmaMapping[]): bigint => mappings.reduce((sum, it) => sum + bytesOf(it), 0n);

/** VFIO_IOMMU_DIRTY_PAGES with GET_BITMAP. @throws EINVAL, EOVERFLOW, EFAULT */
export function getDirty(type1: Type1, mm: Mm, iova: bigint, size: bigint, bitmap: UserBitmap): void {
  if (size === 0n) throw new Errno('EINVAL', 'size is 0');
  if (lastWraps(iova, size)) throw new Errno('EOVERFLOW', `iova ${hex(iova)} + size ${hex(size)} wraps`);
  if (bitmap.pageSize === 0n) throw new Errno('EINVAL', 'a bit stands for 0 bytes');
  checkBitmapSize(size / (bitmap.pageSize & -bitmap.pageSize), bitmap.size);
  const mask = type1.pageSize - 1n;
  if (bitmap.pageSize !== type1.pageSize) throw new Errno('EINVAL', `a bit stands for ${type1.pageSize} bytes`);
  if (((iova | size) & mask) !== 0n) {
    throw new Errno('EINVAL', `iova ${hex(iova)} or size ${hex(size)} is not a multiple of ${type1.pageSize}`);
  }
  if (!type1.dirtyTracking) throw new Errno('EINVAL', 'dirty tracking is off');
  const [first, end] = [pageOf(iova), pageOf(last(iova, size))];
  const found = type1.mappings.all(first, end);
  refuseCut(found, first, end);
  writeDirty(mm, bitmap, first, found);
}
