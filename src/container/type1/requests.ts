/** UNMAP_DMA and DIRTY_PAGES as they come in: the bitmap that may follow their structs (linux-vfio.md, 4.3 and 4.5). */
import { Errno } from '../../abi/errno.js';
import { fieldsOf, type Values } from '../../abi/layout.js';
import {
  VFIO_IOMMU_DIRTY_PAGES_FLAG as DIRTY,
  VFIO_DMA_UNMAP_FLAG as UNMAP,
  vfio_bitmap,
  vfio_iommu_type1_dirty_bitmap,
  vfio_iommu_type1_dirty_bitmap_get,
  vfio_iommu_type1_dma_unmap,
} from '../../abi/vfio-container.js';
import type { Mm } from '../../memory/mm.js';
import { checkBitmapSize, checkTrackable, type UserBitmap } from './dirty.js';
import { getDirty, type UnmapRequest } from './map.js';
import type { Type1 } from './type1.js';

type UnmapArguments = Values<{ argsz: 'u32'; flags: 'u32'; iova: 'u64'; size: 'u64' }>;
type DirtyArguments = Values<{ argsz: 'u32'; flags: 'u32' }>;

/** Reads what follows a struct. @throws EINVAL argsz leaves no room for it; EFAULT */
function tail<T>(mm: Mm, argsz: number, address: bigint, size: number, layout: Layout<T>): T {
  if (argsz < size + layout.size)
    throw new Errno('EINVAL', `argsz ${argsz} leaves no room for the bitmap's description`);
  const bytes = new Uint8Array(layout.size);
  mm.copyIn(address + BigInt(size), bytes);
  return layout.fields(new DataView(bytes.buffer));
}

interface Layout<T> {
  readonly size: number;
  fields(view: DataView): T;
}

const BITMAP = { size: vfio_bitmap.size, fields: (view: DataView) => fieldsOf(vfio_bitmap, view) };
const GET = {
  size: vfio_iommu_type1_dirty_bitmap_get.size,
  fields: (view: DataView) => fieldsOf(vfio_iommu_type1_dirty_bitmap_get, view),
};

/** Where user memory ends on x86-64; on arm64 there is more, and stacks lie there. */
const USER_END = 1n << 47n;

/** @throws EINVAL the bitmap is no user address */
function checkAddress(mm: Mm, { address, size }: UserBitmap): void {
  if (address + size <= USER_END) return;
  if (mm.memory.read(address + size - 1n, new Uint8Array(1)) < 1)
    throw new Errno('EINVAL', 'the bitmap is not in user memory');
}

/** @throws EINVAL, EFAULT; the flags are known ones */
export function unmapRequest(mm: Mm, args: UnmapArguments, address: bigint): UnmapRequest {
  const { flags, iova, size } = args;
  const [wantsBitmap, all, vaddr] = [UNMAP.GET_DIRTY_BITMAP, UNMAP.ALL, UNMAP.VADDR].map((bit) => (flags & bit) !== 0);
  const request = { all: all === true, vaddr: vaddr === true, iova, size };
  if (!wantsBitmap) return { ...request, bitmap: undefined };
  if (all || vaddr) throw new Errno('EINVAL', 'GET_DIRTY_BITMAP goes with neither ALL nor VADDR');
  const { pgsize, size: bytes, data } = tail(mm, args.argsz, address, vfio_iommu_type1_dma_unmap.size, BITMAP);
  const bitmap: UserBitmap = { pageSize: pgsize, size: bytes, address: data };
  checkAddress(mm, bitmap);
  if (pgsize === 0n) throw new Errno('EINVAL', 'a bit of the bitmap stands for 0 bytes');
  checkBitmapSize(size / (pgsize & -pgsize), bytes);
  return { ...request, bitmap };
}

/** VFIO_IOMMU_DIRTY_PAGES. @throws EINVAL, EOVERFLOW, EFAULT */
export function dirtyPages(type1: Type1, mm: Mm, { argsz, flags }: DirtyArguments, address: bigint): void {
  switch (flags) {
    case DIRTY.START:
      checkTrackable(type1.mappings);
      type1.dirtyTracking = true;
      return;
    case DIRTY.STOP:
      type1.dirtyTracking = false;
      return;
    case DIRTY.GET_BITMAP: {
      const got = tail(mm, argsz, address, vfio_iommu_type1_dirty_bitmap.size, GET);
      const bitmap: UserBitmap = { pageSize: got.pgsize, size: got.bitmap_size, address: got.data };
      checkAddress(mm, bitmap);
      getDirty(type1, mm, got.iova, got.size, bitmap);
      return;
    }
    default:
      throw new Errno('EINVAL', `flags ${flags} are not exactly one of START 1, STOP 2 and GET_BITMAP 4`);
  }
}
