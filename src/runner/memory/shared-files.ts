/**
 * Memory that programs share: the pages of memfds, shmem and hugetlbfs files. A file is opened when one of its pages is
 * first pinned, so that the bytes can be reached after every program that mapped it has ended.
 */
import { closeSync } from 'node:fs';
import { PAGE_SHIFT, pageOf } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { Backing, type FrameRun } from '../../memory/backing.js';
import { type MemoryFile, unpinnableFile } from '../../memory/memory.js';
import { addressOf, check, cString, libc } from '../host/libc.js';
import { tryOpen } from '../host/procfs.js';
import { hostArchitecture, numberOf } from '../seccomp/syscalls.js';
import { isDeviceFile } from './device-files.js';
import { type Area, fileName } from './memory-areas.js';

const O_RDWR = 2;
const O_RDONLY = 0;
const AT_FDCWD = -100;
const PAGE = 1n << BigInt(PAGE_SHIFT);
/** File systems whose pages can be pinned for a device (statfs(2)). */
const TMPFS_MAGIC = 0x01021994;
const HUGETLBFS_MAGIC = 0x958458f6;

const stat = new DataView(new ArrayBuffer(hostArchitecture().stat.size));
const statfs = new DataView(new ArrayBuffer(256));

/** An address space that maps a file. */
export interface Mapper {
  readonly pid: number;
  /** Its area at an address, as it is now. */
  area(address: bigint): Area | undefined;
  read(address: bigint, into: Uint8Array): number;
  write(address: bigint, from: Uint8Array): number;
}

/** One file. */
class SharedFile extends Backing {
  readonly name: string;
  override readonly isDevice: boolean;
  readonly alive = true;
  readonly pageShift: number;
  #fd: number | undefined;
  #holders = 0;
  /** A program that maps the file, and where: for a host that does not let us open it, or write to it. */
  #mapper: Mapper | undefined;
  #area: Area | undefined;
  readonly memory = {
    read: (address: bigint, into: Uint8Array): number => this.#copy(address, into, false),
    write: (address: bigint, from: Uint8Array): number => this.#copy(address, from, true),
  };

  constructor(name: string, pageShift: number) {
    super();
    this.name = `file ${name}`;
    this.isDevice = isDeviceFile(name);
    this.pageShift = pageShift;
  }

  /** Nobody needs it now. */
  get idle(): boolean {
    return this.#holders === 0 && !this.pins.any;
  }

  /** Learns of a program that maps the file. */
  mappedBy(mapper: Mapper, area: Area): void {
    if (this.#fd !== undefined) return;
    this.#mapper = mapper;
    this.#area = area;
  }

  override pin(frame: number, frames: number): void {
    if (this.#fd === undefined && this.#mapper && this.#area) {
      const path = pathOf(this.#mapper.pid, this.#area);
      this.#fd = tryOpen(path, O_RDWR) ?? tryOpen(path, O_RDONLY);
    }
    super.pin(frame, frames);
  }

  /** Size in bytes; undefined if the file is not open. */
  get size(): bigint | undefined {
    if (this.#fd === undefined) return undefined;
    check(libc.syscall(numberOf('fstat'), this.#fd, addressOf(stat), 0, 0, 0), 'fstat');
    return stat.getBigUint64(SIZE_AT, true);
  }

  /** @param fd a descriptor of our own; it is closed once nobody needs the file */
  hold(fd: number): void {
    if (this.#fd === undefined) this.#fd = fd;
    else closeSync(fd);
    this.#holders++;
  }

  drop(): void {
    this.#holders--;
    this.unused();
  }

  protected unused(): void {
    if (!this.idle) return;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = this.#mapper = this.#area = undefined;
  }

  #copy(address: bigint, bytes: Uint8Array, write: boolean): number {
    const [call, at] = [write ? libc.pwrite : libc.pread, addressOf(bytes)];
    let done = 0;
    while (this.#fd !== undefined && done < bytes.length) {
      const moved = call(this.#fd, at + done, bytes.length - done, address + BigInt(done));
      if (moved <= 0) break;
      done += moved;
    }
    return done < bytes.length
      ? done + this.#throughProgram(address + BigInt(done), bytes.subarray(done), write)
      : done;
  }

  /** hugetlbfs has no write(2), and some files cannot be opened: then a program that maps the file is the way. */
  #throughProgram(address: bigint, bytes: Uint8Array, write: boolean): number {
    const [mapper, area] = [this.#mapper, this.#area];
    if (!mapper || !area) return 0;
    const at = area.start + address - area.offset;
    const now = mapper.area(at);
    const same = now?.file === area.file && now.offset - now.start === area.offset - area.start;
    if (!same || at + BigInt(bytes.length) > now.end) return 0;
    return write ? mapper.write(at, bytes) : mapper.read(at, bytes);
  }
}

function pathOf(pid: number, area: Area): string {
  return `/proc/${pid}/map_files/${area.start.toString(16)}-${area.end.toString(16)}`;
}

/** Offset of st_size in struct stat; x86-64 and arm64 have it in the same place. */
const SIZE_AT = 48;

/** Files that nobody needs are forgotten when there are more than this. */
const MAX_IDLE = 256;

export class SharedFiles {
  readonly #files = new Map<string, SharedFile>();

  /**
   * The frames of a shared area.
   * @param owner whose area it is
   * @returns the run; undefined if the file ends before it. It has fewer frames than asked if the file ends in it
   */
  frames(owner: Mapper, area: Area, address: bigint, frames: number): FrameRun | undefined {
    const file = this.#file(area.file, area.pageShift);
    file.mappedBy(owner, area);
    const offset = area.offset + address - area.start;
    const size = file.size ?? sizeOf(pathOf(owner.pid, area));
    const there = size === undefined ? frames : Number((size - offset + PAGE - 1n) / PAGE);
    const reached = Math.min(frames, there);
    return reached > 0
      ? { backing: file, frame: pageOf(offset), frames: reached, pageShift: area.pageShift }
      : undefined;
  }

  /**
   * The file behind a thread's descriptor, as memory.
   * @throws EBADF the descriptor is not open
   */
  open(tid: number, fd: number): MemoryFile {
    const own = tryOpen(`/proc/${tid}/fd/${fd}`, O_RDWR) ?? tryOpen(`/proc/${tid}/fd/${fd}`, O_RDONLY);
    if (own === undefined) throw new Errno('EBADF', `descriptor ${fd} is not open`);
    check(libc.syscall(numberOf('fstat'), own, addressOf(stat), 0, 0, 0), 'fstat');
    const device = stat.getBigUint64(0, true);
    const [major, minor] = [Number((device >> 8n) & 0xfffn), Number((device & 0xffn) | ((device >> 12n) & 0xfff00n))];
    const inode = stat.getBigUint64(8, true);
    const kind = libc.fstatfs(own, addressOf(statfs)) === 0 ? statfs.getUint32(0, true) : 0;
    if (kind !== TMPFS_MAGIC && kind !== HUGETLBFS_MAGIC) {
      closeSync(own);
      return unpinnableFile(`the file of descriptor ${fd}`);
    }
    const pageShift = kind === HUGETLBFS_MAGIC ? 31 - Math.clz32(Number(statfs.getBigUint64(8, true))) : PAGE_SHIFT;
    const file = this.#file(fileName(major, minor, inode), pageShift);
    file.hold(own);
    return {
      frames: (page, pages) => {
        const size = file.size ?? 0n;
        if (BigInt(page + pages - 1) * PAGE >= size) {
          throw new Errno('EINVAL', `page ${page + pages - 1} is beyond the ${size} bytes of ${file.name}`);
        }
        return [{ backing: file, frame: page, frames: pages, pageShift }];
      },
      close: () => file.drop(),
    };
  }

  #file(name: string, pageShift: number): SharedFile {
    const known = this.#files.get(name);
    if (known) return known;
    if (this.#files.size >= MAX_IDLE) {
      for (const [other, file] of this.#files) if (file.idle) this.#files.delete(other);
    }
    const file = new SharedFile(name, pageShift);
    this.#files.set(name, file);
    return file;
  }
}

/** Size of the file of a path, bytes; undefined if the host does not let us look. */
function sizeOf(path: string): bigint | undefined {
  const name = cString(path);
  const result = libc.syscall(numberOf('newfstatat'), AT_FDCWD, addressOf(name), addressOf(stat), 0, 0);
  return result === 0 ? stat.getBigUint64(SIZE_AT, true) : undefined;
}
