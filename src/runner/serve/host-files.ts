/**
 * The program's descriptors. Each open file of the virtual kernel is a memfd of its own on the host: dup, fork, exec,
 * close, poll and SCM_RIGHTS are the host kernel's work. The inode says which open file a descriptor is; inotify tells
 * the last close anywhere, which the host kernel reports before that close() returns. As with a device that has no
 * poll, poll() finds a memfd always ready and epoll refuses it.
 *
 * The memfd of a device file also has the memory of its mappable BARs, at the file offsets of their regions. So mmap of a
 * region is an ordinary mmap, and a mapping keeps the open file alive as it does in Linux.
 */
import { closeSync } from 'node:fs';
import type { OpenFile } from '../../kernel/open-file.js';
import { addressOf, check, libc } from '../host/libc.js';
import { memoryFile, type SharedMemory } from '../host/shared-memory.js';
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

interface HostFile {
  readonly file: OpenFile;
  readonly inode: bigint;
  readonly watch: number;
  /** A device file's memfd, for its memory: a description of our own. */
  readonly memory: number | undefined;
  /** Open file descriptions of this inode in programs: one, unless a program opens /proc/PID/fd/N. */
  opens: number;
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
   * @param memory the mappable memory that the file has, a region each, in the order of the regions
   * @returns our copy; close it once the program has its own. If nobody has one then, the open file is released
   */
  make(file: OpenFile, flags: number, memory: readonly SharedMemory[]): number {
    const last = memory.at(-1);
    const base = last
      ? memoryFile(file.name, last.bar, last.size)
      : check(libc.memfd_create(file.name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create');
    if (!last) libc.fcntl(base, F_ADD_SEALS, F_SEAL_ALL);
    const path = new TextEncoder().encode(`/proc/self/fd/${base}\0`);
    const fd = check(libc.openat(AT_FDCWD, addressOf(path), flags | O_CLOEXEC, 0), 'open of a memfd');
    if (!last) closeSync(base);
    const watch = libc.inotify_add_watch(this.inotify, `/proc/self/fd/${fd}`, IN_CLOSE | IN_OPEN);
    check(watch, 'inotify_add_watch');
    check(libc.syscall(numberOf('fstat'), fd, addressOf(this.#stat), 0, 0, 0), 'fstat');
    this.#device = this.#stat.getBigUint64(0, true);
    const inode = this.#stat.getBigUint64(8, true);
    const host: HostFile = { file, inode, watch, memory: last ? base : undefined, opens: 1 };
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
