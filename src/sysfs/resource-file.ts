/**
 * resourceN and resourceN_wc of a function (drivers/pci/pci-sysfs.c): memory BARs are mapped, and neither read nor written;
 * I/O ports are read and written a register at a time. A BAR whose memory a driver's user has mapped cannot be mapped here, as
 * in kernels that keep claimed regions to their drivers (CONFIG_IO_STRICT_DEVMEM). rom shows the image of the expansion ROM,
 * once something was written to it.
 */
import { hex, PAGE_SIZE } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { BACKING, type FileTable, type MmapGrant, type MmapRequest, OpenFile } from '../kernel/file/open-file.js';
import type { BinaryAttribute, MappedAttribute } from '../kernel/fs/inode.js';
import type { Bar } from '../pci/bar.js';
import type { PciFunction } from '../pci/function.js';
import { type ExpansionRom, readRom } from '../pci/rom.js';

/** An open file of a memory BAR. */
interface OpenResource {
  readonly path: string;
  readonly bar: Bar;
  mmap(request: MmapRequest): MmapGrant;
  release(): void;
}

function unreadable({ path }: OpenResource): never {
  throw new Errno('EIO', `${path} is memory: it is mapped, and neither read nor written`);
}

const TABLE: FileTable<OpenResource> = {
  name: ({ path }) => path,
  read: unreadable,
  write: unreadable,
  pread: unreadable,
  pwrite: unreadable,
  mmap: (file, _caller, request) => file.mmap(request),
  release: (file) => file.release(),
  facets: [BACKING.from(({ bar: { memory } }: OpenResource) => (memory ? [{ memory, at: 0n }] : []))],
};

/** The file of a memory BAR. @param path of the attribute */
export function memoryResource(path: string, pci: PciFunction, bar: Bar): MappedAttribute {
  let file: OpenFile<OpenResource> | undefined;
  return {
    size: bar.size,
    open: () => {
      if (file) return file.get();
      pci.open();
      const resource: OpenResource = {
        path,
        bar,
        mmap: (request) => map(resource, pci, request),
        release: () => {
          file = undefined;
          bar.letGo(resource);
          pci.close();
        },
      };
      file = new OpenFile(resource, TABLE);
      return file;
    },
  };
}

/** @throws EINVAL beyond the BAR, or registers that are not mapped, or a driver's user has mapped it */
function map(resource: OpenResource, pci: PciFunction, { offset, size }: MmapRequest): MmapGrant {
  const { bar, path } = resource;
  const { index, memory, mappable } = bar;
  const room = BigInt(Math.ceil(bar.size / PAGE_SIZE) * PAGE_SIZE);
  if (size === 0n || offset + size > room)
    throw new Errno('EINVAL', `${hex(offset)}+${hex(size)} is outside the ${bar.size} bytes of ${path}`);
  const [first, end] = [Number(offset), Number(offset + size)];
  if (!memory || !mappable.some((it) => it.offset <= first && end <= Math.max(it.offset + it.size, Number(room))))
    throw new Errno('EINVAL', `${hex(offset)}+${hex(size)} of ${path} are registers that are not mapped`);
  if (!bar.hold(resource)) throw new Errno('EINVAL', `BAR ${index} is claimed by a driver whose user has mapped it`);
  pci.map(index, first, Number(size));
  return { memory, offset: first };
}

/** Widths of an access to ports. */
const WIDTHS = [1, 2, 4];

/** The file of a BAR of ports: one register an access. */
export function portResource(bar: Bar): BinaryAttribute {
  const access = (offset: number, bytes: Uint8Array, act: (offset: number, bytes: Uint8Array) => void): number => {
    if (!WIDTHS.includes(bytes.length)) throw new Errno('EINVAL', `ports take 1, 2 or 4 bytes, not ${bytes.length}`);
    act(offset, bytes);
    return bytes.length;
  };
  return {
    size: bar.size,
    pread: (into, offset) => access(offset, into, (at, bytes) => bar.read(at, bytes)),
    pwrite: (from, offset) => access(offset, from, (at, bytes) => bar.write(at, bytes)),
  };
}

/** "0" and a newline turn reading off again; anything else turns it on. */
const ZERO = 0x30;
const OFF_LENGTH = 2;

/** The file of the expansion ROM. */
export function romFile(rom: ExpansionRom): BinaryAttribute {
  let enabled = false;
  return {
    size: rom.size,
    pread: (into, offset) => {
      if (!enabled) throw new Errno('EINVAL', 'the ROM is off: who writes 1 turns it on');
      const bytes = into.subarray(0, Math.max(0, rom.image.length - offset));
      readRom(rom, offset, bytes);
      return bytes.length;
    },
    pwrite: (from, offset) => {
      enabled = !(offset === 0 && from.length === OFF_LENGTH && from[0] === ZERO);
      return from.length;
    },
  };
}
