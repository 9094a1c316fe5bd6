/**
 * VFIO_DEVICE_FEATURE_DMA_BUF (linux-vfio.md, 5.9): a descriptor that stands for parts of a BAR, so that other devices can
 * be given its memory.
 */
import { hex, isPageAligned } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { DMA_BUF, type DmaBuf } from '../../iopt/dma-buf.js';
import { type Caller, type FileTable, OpenFile } from '../../kernel/file/open-file.js';
import type { DmaBufs } from '../open/dma-bufs.js';
import type { OpenDevice } from '../open/open-device.js';

const LAST_BAR = 5;
const HEADER = 16;
const RANGE = 16;
/** Most ranges of one buffer. */
const MAX_RANGES = 512;

/** A buffer, and the device that it was made of. */
interface Exported {
  readonly buffer: DmaBuf;
  readonly bufs: DmaBufs;
}

const FILE: FileTable<Exported> = {
  name: () => '/dmabuf:',
  facets: [DMA_BUF.from(({ buffer }: Exported) => buffer)],
  release: ({ buffer, bufs }) => bufs.forget(buffer),
};

/**
 * Makes the descriptor.
 * @param size bytes of data at the address
 * @throws EFAULT, EINVAL, ENODEV, EMFILE
 */
export function dmaBuf(device: OpenDevice, caller: Caller, address: bigint, size: number): number {
  const bytes = new Uint8Array(HEADER);
  caller.mm.copyIn(address, bytes);
  const view = new DataView(bytes.buffer);
  const [index, openFlags, flags, count] = [0, 4, 8, 12].map((at) => view.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  if (count === 0 || flags !== 0)
    throw new Errno('EINVAL', `flags ${flags} and ${count} ranges: flags are 0, ranges some`);
  const bar = index <= LAST_BAR ? device.function.bar(index) : undefined;
  if (!bar) throw new Errno('ENODEV', `the device has no BAR ${index}`);
  if (bar.kind === 'io') throw new Errno('EINVAL', `BAR ${index} has ports, and no memory`);
  if (count > MAX_RANGES || size < HEADER + count * RANGE) throw new Errno('EINVAL', `no room for ${count} ranges`);
  const list = new Uint8Array(count * RANGE);
  caller.mm.copyIn(address + BigInt(HEADER), list);
  const words = new DataView(list.buffer);
  const ranges = Array.from({ length: count }, (_, i) => ({
    offset: words.getBigUint64(i * RANGE, true),
    length: words.getBigUint64(i * RANGE + 8, true),
  }));
  for (const { offset, length } of ranges) {
    if (length === 0n || !isPageAligned(offset | length) || offset + length > BigInt(bar.size)) {
      throw new Errno('EINVAL', `${hex(offset)}+${hex(length)} are not whole pages of BAR ${index}`);
    }
  }
  const parts = ranges.map(({ offset, length }) => ({ offset: Number(offset), length: Number(length) }));
  const { dmaBufs } = device;
  return caller.install(new OpenFile({ buffer: dmaBufs.export(bar, parts), bufs: dmaBufs }, FILE), openFlags);
}
