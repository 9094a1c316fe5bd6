/** DIRTY_TRACKING and GET_DIRTY_BITMAP (uapi-ioasid.md, 2.3): which pages devices wrote, by DMA only. */
import { hex, lastWraps, PAGE_SIZE, pageOf } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { DIRTY } from '../../abi/ioasid/constants.js';
import type { ioasid_dirty_bitmap, ioasid_dirty_tracking } from '../../abi/ioasid/structs.js';
import type { Fields } from '../../abi/layout.js';
import { DirtyBitmap } from '../../iommu/paging/dirty-bitmap.js';
import type { Caller } from '../../kernel/file/open-file.js';
import type { IoasidContext } from '../context.js';
import type { AddressSpace } from './address-space.js';

/** Bytes of the bitmap that are made and copied out at a time. */
const PIECE = 1 << 16;
/** Most bytes of a bitmap in one call (Linux: DIRTY_BITMAP_SIZE_MAX of vfio_iommu_type1.c). */
const MAX_BITMAP = 1 << 28;

function rootOf(context: IoasidContext, id: number): AddressSpace {
  const space = context.space(id);
  const constraints = space.usable();
  if (space.parent) throw new Errno('EINVAL', `IOASID ${id} is a child: the root of its tree tracks`);
  if (!constraints.dirtyTracking)
    throw new Errno('EOPNOTSUPP', `an IOMMU behind IOASID ${id} cannot track dirty pages`);
  return space;
}

export function dirtyTracking(context: IoasidContext, args: Fields<typeof ioasid_dirty_tracking>): number {
  const { flags } = args;
  const space = rootOf(context, args.ioasid);
  if (flags !== DIRTY.IOASID_DIRTY_TRACKING_START && flags !== DIRTY.IOASID_DIRTY_TRACKING_STOP) {
    throw new Errno('EINVAL', 'either START or STOP must be asked for');
  }
  if (flags === DIRTY.IOASID_DIRTY_TRACKING_STOP) space.mappings.dirty = undefined;
  else space.mappings.dirty ??= new DirtyBitmap();
  return 0;
}

export function getDirtyBitmap(
  context: IoasidContext,
  args: Fields<typeof ioasid_dirty_bitmap>,
  { mm }: Caller,
): number {
  const space = rootOf(context, args.ioasid);
  const { dirty } = space.mappings;
  if (!dirty) throw new Errno('EINVAL', `dirty tracking of IOASID ${space.id} is not started`);
  const { iova, size, page_size: unit, data } = args;
  if (unit < PAGE_SIZE || (unit & (unit - 1n)) !== 0n) {
    throw new Errno('EINVAL', `page_size ${hex(unit)} is not a power of two from ${PAGE_SIZE} on`);
  }
  if (size === 0n || iova % unit !== 0n || size % unit !== 0n) {
    throw new Errno('EINVAL', `range ${hex(iova)}+${hex(size)} is not whole pages of ${hex(unit)}`);
  }
  if (lastWraps(iova, size)) throw new Errno('EOVERFLOW', `iova ${hex(iova)} + size ${hex(size)} wraps`);
  const first = pageOf(iova);
  const count = pageOf(size);
  const each = pageOf(unit);
  const bits = count / each;
  const bytes = Math.ceil(bits / 64) * 8;
  if (bytes > MAX_BITMAP) throw new Errno('EINVAL', `a bitmap of ${bytes} bytes: ${MAX_BITMAP} are the most`);
  // All of it is written before anything is cleared: a failed call changes nothing.
  for (let done = 0; done < bytes; done += PIECE) {
    const piece = new Uint8Array(Math.min(PIECE, bytes - done));
    const start = done * 8;
    const pages = Math.min(piece.length * 8, bits - start) * each;
    dirty.forEach(first + start * each, pages, (page) => {
      const bit = Math.floor((page - first) / each) - start;
      piece[bit >>> 3] = (piece[bit >>> 3] as number) | (1 << (bit & 7));
    });
    mm.copyOut(data + BigInt(done), piece);
  }
  if ((args.flags & DIRTY.IOASID_DIRTY_BITMAP_NO_CLEAR) === 0) dirty.clear(first, count);
  return 0;
}
