/** Dirty tracking: IOMMU_HWPT_SET_DIRTY_TRACKING and IOMMU_HWPT_GET_DIRTY_BITMAP (linux-iommufd.md, 10). */
import { hex, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import type { IoPageTable } from '../../iopt/io-page-table.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import type { Mm } from '../../memory/mm.js';
import type { IommufdContext } from '../context.js';
import { HwptPaging } from './hwpt.js';

/** @throws EOVERFLOW; EINVAL not aligned to the address space and to the page size asked for */
function checkRange(table: IoPageTable, iova: bigint, length: bigint, pageSize: bigint): void {
  const last = BigInt.asUintN(64, length - 1n) + iova;
  if (last > U64_MAX) throw new Errno('EOVERFLOW', `iova ${hex(iova)}+${hex(length)} wraps`);
  const bounds = iova | BigInt.asUintN(64, last + 1n);
  if ((bounds & (table.alignment - 1n)) !== 0n) {
    throw new Errno('EINVAL', `${hex(iova)}+${hex(length)} is not aligned to ${table.alignment}`);
  }
  if (pageSize === 0n || (bounds & (pageSize - 1n)) !== 0n) {
    throw new Errno('EINVAL', `${hex(iova)}+${hex(length)} is not a range of pages of ${hex(pageSize)}`);
  }
}

/** Bits of the program's bitmap that are to be set, gathered by words of 64 KiB of the bitmap. */
class BitmapWriter {
  readonly #mm: Mm;
  readonly #address: bigint;
  /** Bytes that have bits, by their place in the bitmap. */
  readonly #bytes = new Map<number, number>();

  constructor(mm: Mm, address: bigint) {
    this.#mm = mm;
    this.#address = address;
  }

  /** Sets the bits [first, last]. */
  set(first: number, last: number): void {
    for (let bit = first; bit <= last; bit++) {
      const at = Math.floor(bit / 8);
      this.#bytes.set(at, (this.#bytes.get(at) ?? 0) | (1 << (bit % 8)));
    }
  }

  /** Bits are added to what is there: runs of bytes are read, joined and written. Stops where memory ends. */
  flush(): void {
    const places = [...this.#bytes.keys()].sort((a, b) => a - b);
    for (let i = 0; i < places.length; ) {
      const start = places[i] as number;
      let end = start;
      while (i < places.length && (places[i] as number) - end <= 64 && (places[i] as number) - start < 65536) {
        end = places[i++] as number;
      }
      const bytes = new Uint8Array(end - start + 1);
      const at = this.#address + BigInt(start);
      if (this.#mm.memory.read(at, bytes) < bytes.length) return;
      for (let j = 0; j < bytes.length; j++) bytes[j] = (bytes[j] as number) | (this.#bytes.get(start + j) ?? 0);
      if (this.#mm.memory.write(at, bytes) < bytes.length) return;
    }
  }
}

/** The last address of [iova, last] up to which everything is mapped; undefined if nothing is. */
function mappedUpTo(table: IoPageTable, iova: bigint, last: bigint): bigint | undefined {
  let end: bigint | undefined;
  for (let area = table.areas.at(iova); area; area = table.areas.at(area.last + 1n)) {
    end = area.last;
    if (end >= last || end === U64_MAX) return end < last ? end : last;
  }
  return end;
}

function readDirty(
  hwpt: HwptPaging,
  mm: Mm,
  args: { iova: bigint; length: bigint; pageSize: bigint; data: bigint },
  clear: boolean,
): void {
  const { iova, length, pageSize, data } = args;
  const bitmap = new BitmapWriter(mm, data);
  const end = iova + length - 1n;
  const last = mappedUpTo(hwpt.ioas.table, iova, end);
  if (last === undefined) return;
  hwpt.dirty.read(iova, last, clear, (from, to) => {
    bitmap.set(Number((from - iova) / pageSize), Number((to - iova) / pageSize));
  });
  bitmap.flush();
}

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

export const DIRTY_ROWS: readonly IoctlRow<IommufdContext>[] = [
  rows.struct(IOCTL.HWPT_SET_DIRTY_TRACKING, {
    flags: IOMMUFD.IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
    run(context, args) {
      const hwpt = context.objects.get(args.hwpt_id, HwptPaging);
      if (!hwpt.domain.dirtyTracking) throw new Errno('EOPNOTSUPP', `HWPT ${hwpt.id} was not made for dirty tracking`);
      hwpt.tracking = (args.flags & IOMMUFD.IOMMU_HWPT_DIRTY_TRACKING_ENABLE) !== 0;
      if (hwpt.tracking) hwpt.dirty.clear();
      return 0;
    },
  }),
  rows.struct(IOCTL.HWPT_GET_DIRTY_BITMAP, {
    flags: IOMMUFD.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR,
    reserved: ['__reserved'],
    run(context, args, { mm }) {
      const hwpt = context.objects.get(args.hwpt_id, HwptPaging);
      const { iova, length, page_size: pageSize, data } = args;
      checkRange(hwpt.ioas.table, iova, length, pageSize);
      if (!hwpt.domain.dirtyTracking) throw new Errno('EOPNOTSUPP', `HWPT ${hwpt.id} was not made for dirty tracking`);
      const clear = (args.flags & IOMMUFD.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR) === 0;
      readDirty(hwpt, mm, { iova, length, pageSize, data }, clear);
      return 0;
    },
  }),
];
