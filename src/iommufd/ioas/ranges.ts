/** IOMMU_IOAS_ALLOC, IOVA_RANGES and ALLOW_IOVAS (linux-iommufd.md, 4.2). */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD_IOCTLS as IOCTL, iommu_iova_range } from '../../abi/iommufd.js';
import type { Range } from '../../iopt/ranges.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import type { Caller } from '../../kernel/file/open-file.js';
import { allocation } from '../../memory/allocation.js';
import { RangeTree } from '../../memory/intervals/range-tree.js';
import type { IommufdContext } from '../context.js';
import { Ioas } from './ioas.js';

const ENTRY = iommu_iova_range.size;
/** Entries that are read or written in one piece. */
const PIECE = 256;

/** Writes ranges to an array of the program. @throws EFAULT */
function writeRanges(caller: Caller, address: bigint, ranges: readonly Range[]): void {
  const view = new DataView(new ArrayBuffer(ranges.length * ENTRY));
  ranges.forEach((range, i) => {
    iommu_iova_range.set.start(view, range.start, i * ENTRY);
    iommu_iova_range.set.last(view, range.last, i * ENTRY);
  });
  if (ranges.length > 0) caller.mm.copyOut(address, new Uint8Array(view.buffer));
}

/**
 * Reads the allowed ranges, one after the other as far as they are right.
 * @throws EFAULT; EINVAL a range is empty or touches one before it
 */
function readRanges(caller: Caller, address: bigint, count: number): RangeTree<Range> {
  const ranges = new RangeTree<Range>();
  const view = new DataView(new ArrayBuffer(PIECE * ENTRY));
  for (let done = 0; done < count; done += PIECE) {
    const entries = Math.min(PIECE, count - done);
    const bytes = new Uint8Array(view.buffer, 0, entries * ENTRY);
    // A bad entry before a bad address is judged first, as they are read one by one.
    const got = caller.mm.memory.read(address + BigInt(done * ENTRY), bytes);
    for (let i = 0; i < entries; i++) {
      if ((i + 1) * ENTRY > got) throw new Errno('EFAULT', `cannot read entry ${done + i} at ${hex(address)}`);
      const range = {
        start: iommu_iova_range.get.start(view, i * ENTRY),
        last: iommu_iova_range.get.last(view, i * ENTRY),
      };
      if (range.start >= range.last)
        throw new Errno('EINVAL', `entry ${done + i} is ${hex(range.start)}-${hex(range.last)}`);
      if (ranges.touching(range.start, range.last))
        throw new Errno('EINVAL', `entry ${done + i} touches another entry`);
      allocation('an allowed range');
      ranges.insert(range);
    }
  }
  return ranges;
}

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

export const RANGE_ROWS: readonly IoctlRow<IommufdContext>[] = [
  rows.struct(IOCTL.IOAS_ALLOC, {
    flags: 0,
    out: true,
    run(context, args) {
      args.out_ioas_id = context.objects.finalize(context.objects.reserve(new Ioas())).id;
      return 0;
    },
    undo: (context, args) => context.destroy(args.out_ioas_id),
  }),
  rows.struct(IOCTL.IOAS_IOVA_RANGES, {
    reserved: ['__reserved'],
    out: true,
    outOnError: ({ code }) => code === 'EMSGSIZE',
    run(context, args, caller) {
      const { table } = context.objects.get(args.ioas_id, Ioas);
      const holes = table.reserved.holes();
      const room = args.num_iovas;
      writeRanges(caller, args.allowed_iovas, holes.slice(0, room));
      args.num_iovas = holes.length;
      args.out_iova_alignment = table.alignment;
      if (holes.length > room) throw new Errno('EMSGSIZE', `there are ${holes.length} ranges, and room for ${room}`);
      return 0;
    },
  }),
  rows.struct(IOCTL.IOAS_ALLOW_IOVAS, {
    reserved: ['__reserved'],
    run(context, args, caller) {
      const { table } = context.objects.get(args.ioas_id, Ioas);
      table.allow(readRanges(caller, args.allowed_iovas, args.num_iovas));
      return 0;
    },
  }),
];
