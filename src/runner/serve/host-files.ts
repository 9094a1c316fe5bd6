/**
 * The program's descriptors. Each open file of the virtual kernel is a memfd of its own on the host: dup, fork, exec,
 * close, poll and SCM_RIGHTS are the host kernel's work. The inode says which open file a descriptor is; inotify tells
 * the last close anywhere, which the host kernel reports before that close() returns. As with a device that has no
 * poll, poll() finds a memfd always ready and epoll refuses it.
 *
 * The memfd of a device file also has the memory of its mappable BAR, at the file offset of that region. So mmap of the
 * region is an ordinary mmap, and a mapping keeps the open file alive as it does in Linux.
 */
import { closeSync } from 'node:fs';
import type { DeviceMemory } from '../../devices/model.js';
import type { OpenFile } from '../../kernel/open-file.js';
import { addressOf, check, libc } from '../host/libc.js';
import { hostArchitecture, numberOf } from '../host/syscalls.js';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** Seal against sealing, shrinking, growing and writing: nothing can be put into the file. */
const F_SEAL_ALL = 1 | 2 | 4 | 8;
const AT_FDCWD = -100;
const O_CLOEXEC = 0o2000000;
const IN_CLOSE = 8 | 16;
const IN_OPEN = 32;
const IN_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const EVENT_HEADER = 16;
/** File offset of region BAR2, and of the byte behind it. */
const BAR2_OFFSET = 2 * 2 ** 40;

interface HostFile {
  readonly file: OpenFile;
  readonly inode: bigint;
  readonly watch: number;
  /** A device file's memfd, for its memory: a description of our own. */
  readonly memory: number | undefined;
  /** Open file descriptions of this inode in programs: one, unless a program opens /proc/PID/fd/N. */
  opens: number;
}

/** A memfd with room for a device's mappable memory at the offset of its region. */
function memoryFile(name: string, size: number): number {
  const fd = check(libc.memfd_create(name, MFD_CLOEXEC), 'memfd_create');
  check(libc.ftruncate(fd, BAR2_OFFSET + size), 'ftruncate');
  return fd;
}

/** The mappable memory of a device: in the memfd of the open file that mapped it last. */
export class SharedMemory implements DeviceMemory {
  readonly name: string;
  readonly size: number;
  #fd: number;
  #source: number | undefined;

  /** @param name shown in /proc/PID/maps; @param size bytes */
  constructor(name: string, size: number) {
    this.name = name;
    this.size = size;
    this.#fd = memoryFile(name, size);
  }

  read(offset: number, into: Uint8Array): void {
    check(libc.pread(this.#fd, addressOf(into), into.length, BAR2_OFFSET + offset), 'pread of device memory');
  }

  write(offset: number, from: Uint8Array): void {
    check(libc.pwrite(this.#fd, addressOf(from), from.length, BAR2_OFFSET + offset), 'pwrite of device memory');
  }

  /** Moves into the memfd of an open file that maps it. Only the file that bound the device can. */
  moveTo(fd: number): void {
    if (this.#source === fd) return;
    const bytes = new Uint8Array(new ArrayBuffer(this.size));
    this.read(0, bytes);
    closeSync(this.#fd);
    this.#fd = check(libc.dup(fd), 'dup');
    this.#source = fd;
    this.write(0, bytes);
  }

  /** The open file is closed; its number may come to mean another. */
  leave(fd: number): void {
    if (this.#source === fd) this.#source = undefined;
  }
}

export class HostFiles {
  /** Readable when a file may have been closed. */
  readonly inotify: number;
  readonly #byInode = new Map<bigint, HostFile>();
  readonly #byWatch = new Map<number, HostFile>();
  readonly #events = new DataView(new ArrayBuffer(4096));
  readonly #stat = new DataView(new ArrayBuffer(hostArchitecture().stat.size));
  #device = -1n;
  /** Told before the memfd of a device file is closed. */
  onMemoryGone: ((fd: number) => void) | undefined;

  constructor() {
    this.inotify = check(libc.inotify_init1(IN_NONBLOCK_CLOEXEC), 'inotify_init1');
  }

  /** True while programs hold any of our descriptors. */
  get any(): boolean {
    return this.#byInode.size > 0;
  }

  /** The open file of an inode; undefined if it is not ours. */
  find(device: bigint, inode: bigint): OpenFile | undefined {
    return device === this.#device ? this.#byInode.get(inode)?.file : undefined;
  }

  /**
   * Makes the host's descriptor of an open file.
   * @param flags access mode and O_NONBLOCK, as the program sees them by F_GETFL
   * @param memory bytes of mappable memory that the file has; 0: none
   * @returns our copy; close it once the program has its own. If nobody has one then, the open file is released
   */
  make(file: OpenFile, flags: number, memory: number): number {
    const base =
      memory > 0
        ? memoryFile(file.name, memory)
        : check(libc.memfd_create(file.name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create');
    if (memory === 0) libc.fcntl(base, F_ADD_SEALS, F_SEAL_ALL);
    const path = new TextEncoder().encode(`/proc/self/fd/${base}\0`);
    const fd = check(libc.openat(AT_FDCWD, addressOf(path), flags | O_CLOEXEC, 0), 'open of a memfd');
    if (memory === 0) closeSync(base);
    const watch = libc.inotify_add_watch(this.inotify, `/proc/self/fd/${fd}`, IN_CLOSE | IN_OPEN);
    check(watch, 'inotify_add_watch');
    check(libc.syscall(numberOf('fstat'), fd, addressOf(this.#stat), 0, 0, 0), 'fstat');
    this.#device = this.#stat.getBigUint64(0, true);
    const inode = this.#stat.getBigUint64(8, true);
    const host: HostFile = { file, inode, watch, memory: memory > 0 ? base : undefined, opens: 1 };
    this.#byInode.set(inode, host);
    this.#byWatch.set(watch, host);
    return fd;
  }

  /** The memfd with a device file's mappable memory. */
  memoryOf(file: OpenFile): number | undefined {
    for (const host of this.#byInode.values()) if (host.file === file) return host.memory;
    return undefined;
  }

  /** Releases the files whose last close was reported. */
  drain(): void {
    const buffer = this.#events;
    for (;;) {
      const size = libc.read(this.inotify, addressOf(buffer), buffer.byteLength);
      if (size <= 0) return;
      for (let at = 0; at < size; at += EVENT_HEADER + buffer.getUint32(at + 12, true)) {
        this.#event(buffer.getInt32(at, true), buffer.getUint32(at + 4, true));
      }
    }
  }

  #event(watch: number, mask: number): void {
    const host = this.#byWatch.get(watch);
    if (!host) return;
    if (mask & IN_OPEN) host.opens++;
    if (mask & IN_CLOSE) host.opens--;
    if (host.opens > 0) return;
    this.#byWatch.delete(watch);
    this.#byInode.delete(host.inode);
    libc.inotify_rm_watch(this.inotify, watch);
    if (host.memory !== undefined) {
      this.onMemoryGone?.(host.memory);
      closeSync(host.memory);
    }
    host.file.put();
  }
}
