/**
 * The program's descriptors. Each open file of the virtual kernel is a memfd of its own on the host: dup, fork, exec,
 * close, poll and SCM_RIGHTS are the host kernel's work. The inode says which open file a descriptor is (file-index.ts).
 * As with a device that has no poll, poll() finds a memfd always ready and epoll refuses it.
 *
 * Last close: inotify says when to look, and is not counted, since it merges equal events and drops what is too much.
 * Whether a program still has the file is asked of the host kernel: a write lease on a description of our own is given
 * only while nobody else has the inode open (fcntl(2)). Where we write to the inode ourselves, the program's description
 * carries a lock that ends with it (flock(2)). Both counts fall a moment after the event, so that a file that seems to be
 * held is looked at again before the next calls are served.
 *
 * An attribute of sysfs is a memfd with its text, so that reading it is the host kernel's work. Its writes are driven
 * (driven-files.ts); what a copy at a low number, as a shell makes it, writes into the memfd is taken when inotify says so.
 *
 * The memfd of a device file also has the memory of its mappable BARs, at the file offsets of their regions. So mmap of a
 * region is an ordinary mmap, and a mapping keeps the open file alive as it does in Linux.
 */
import { closeSync } from 'node:fs';
import type { OpenFile } from '../../kernel/file/open-file.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { addressOf, check, libc } from '../host/libc.js';
import { memoryFile } from '../memory/shared-memory.js';
import type { FileIndex, Place } from './file-index.js';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
const F_SETLEASE = 1024;
const F_WRLCK = 1;
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
/** Seal against sealing, shrinking, growing and writing: nothing can be put into the file. */
const F_SEAL_ALL = 1 | 2 | 4 | 8;
const SEEK_SET = 0;
/** The last position of a file: from there no byte can be read or written, and trying to answers EINVAL. */
const END_OF_ALL = (1n << 63n) - 1n;
const AT_FDCWD = -100;
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const IN_CLOSE = 8 | 16;
const IN_MODIFY = 2;
const IN_Q_OVERFLOW = 0x4000;
const IN_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
const EVENT_HEADER = 16;
/** Most bytes that one write of an attribute has: a page. */
const ATTRIBUTE_WRITE = 4096;
/** How long after an event a file is looked at again, milliseconds. */
const DOUBT = 20;

interface HostFile {
  readonly file: OpenFile;
  readonly place: Place;
  readonly watch: number;
  /** A description of our own: for reading only, or of a device's memory. */
  readonly own: number;
  readonly memory: boolean;
  /** Bytes of the memfd that are not news. */
  known: number;
  /** References to the open file: one each time that it was made. */
  references: number;
}

/** What a memfd has in it at first. */
export interface Content {
  readonly bytes: Uint8Array;
  /** Told of what was written behind it. */
  readonly written: ((bytes: Uint8Array) => void) | undefined;
}

/** Opens what a descriptor of ours is once more: another description of the same inode. */
function openAgain(fd: number, flags: number): number {
  const path = new TextEncoder().encode(`/proc/self/fd/${fd}\0`);
  return check(libc.openat(AT_FDCWD, addressOf(path), flags | O_CLOEXEC, 0), 'open of a memfd');
}

export class HostFiles {
  /** Readable when a file may have been closed. */
  readonly inotify: number;
  readonly #index: FileIndex;
  readonly #kernel: VirtualKernel;
  readonly #byWatch = new Map<number, HostFile>();
  readonly #written = new Map<HostFile, (bytes: Uint8Array) => void>();
  /** Files that an event spoke of and that seemed to be held, until when they are looked at. */
  readonly #doubtful = new Map<HostFile, number>();
  readonly #events = new DataView(new ArrayBuffer(4096));
  /** Told before the memfd of a device file is closed. */
  onMemoryGone: ((fd: number) => void) | undefined;

  constructor(index: FileIndex, kernel: VirtualKernel) {
    this.#index = index;
    this.#kernel = kernel;
    this.inotify = check(libc.inotify_init1(IN_NONBLOCK_CLOEXEC), 'inotify_init1');
  }

  /** True while a file may have been closed that is not known to be. */
  get inDoubt(): boolean {
    return this.#doubtful.size > 0;
  }

  /**
   * Makes the host's descriptor of an open file, or one more of a file with memory.
   * @param flags access mode and O_NONBLOCK, as the program sees them by F_GETFL
   * @param memory where the mappable memory of the file ends, bytes; 0n: it has none; 'growing': it comes and goes
   * @param content what reading it shows
   * @returns our copy; close it once the program has its own. If nobody has one then, the open file is released
   * @throws LibcError a limit of the host; the open file is released then
   */
  make(file: OpenFile, flags: number, memory: bigint | 'growing', content?: Content): number {
    const known = memory === 0n ? undefined : this.#withMemory(file);
    return known ? this.#again(known, flags) : this.#make(file, flags, memory, content);
  }

  /** One more description of a file with memory: it is the same open file. */
  #again(host: HostFile, flags: number): number {
    host.references++;
    const fd = openAgain(host.own, flags);
    check(Number(libc.lseek(fd, END_OF_ALL, SEEK_SET)), 'lseek of a memfd');
    libc.flock(fd, LOCK_SH);
    return fd;
  }

  #make(file: OpenFile, flags: number, memory: bigint | 'growing', content?: Content): number {
    const open: number[] = [];
    try {
      const mappable = memory !== 0n;
      const base =
        mappable && memory !== 'growing'
          ? memoryFile(file.name, memory)
          : check(libc.memfd_create(file.name, MFD_CLOEXEC | MFD_ALLOW_SEALING), 'memfd_create');
      open.push(base);
      if (content) check(libc.write(base, addressOf(content.bytes), content.bytes.length), 'write to a memfd');
      if (!mappable && !content?.written) libc.fcntl(base, F_ADD_SEALS, F_SEAL_ALL);
      const fd = openAgain(base, flags);
      open.push(fd);
      // As a file that has neither read nor write: the regions of a device are reached at their offsets only.
      if (!content) check(Number(libc.lseek(fd, END_OF_ALL, SEEK_SET)), 'lseek of a memfd');
      if (mappable) libc.flock(fd, LOCK_SH);
      const own = mappable ? base : openAgain(base, O_RDONLY);
      if (!mappable) {
        open.push(own);
        closeSync(base);
        open.shift();
      }
      const mask = IN_CLOSE | (content?.written ? IN_MODIFY : 0);
      const watch = check(libc.inotify_add_watch(this.inotify, `/proc/self/fd/${fd}`, mask), 'inotify_add_watch');
      const known = content?.bytes.length ?? 0;
      const host = { file, place: this.#index.add(fd, file), watch, own, memory: mappable, known, references: 1 };
      this.#byWatch.set(watch, host);
      if (content?.written) this.#written.set(host, content.written);
      return fd;
    } catch (error) {
      for (const fd of open) closeSync(fd);
      this.#kernel.close(file);
      throw error;
    }
  }

  /** The memfd with a device file's mappable memory. */
  memoryOf(file: OpenFile): number | undefined {
    return this.#withMemory(file)?.own;
  }

  #withMemory(file: OpenFile): HostFile | undefined {
    for (const host of this.#byWatch.values()) if (host.file === file && host.memory) return host;
    return undefined;
  }

  /** Releases the files that were closed. */
  drain(): void {
    const buffer = this.#events;
    for (;;) {
      const size = libc.read(this.inotify, addressOf(buffer), buffer.byteLength);
      if (size <= 0) return;
      for (let at = 0; at < size; at += EVENT_HEADER + buffer.getUint32(at + 12, true)) {
        if (buffer.getUint32(at + 4, true) & IN_Q_OVERFLOW) for (const host of this.#byWatch.values()) this.#look(host);
        const host = this.#byWatch.get(buffer.getInt32(at, true));
        if (host) this.#takeWritten(host);
        if (host && buffer.getUint32(at + 4, true) & IN_CLOSE) this.#look(host);
      }
    }
  }

  /** Looks again at the files that are in doubt. */
  settle(): void {
    for (const [host, until] of this.#doubtful) {
      if (this.#gone(host)) this.#release(host);
      else if (performance.now() > until) this.#doubtful.delete(host);
    }
  }

  #takeWritten(host: HostFile): void {
    const told = this.#written.get(host);
    if (!told) return;
    const bytes = new Uint8Array(new ArrayBuffer(ATTRIBUTE_WRITE));
    const got = libc.pread(host.own, addressOf(bytes), bytes.length, host.known);
    if (got <= 0) return;
    host.known += got;
    told(bytes.subarray(0, got));
  }

  #look(host: HostFile): void {
    if (this.#gone(host)) this.#release(host);
    else this.#doubtful.set(host, performance.now() + DOUBT);
  }

  /** Has no program the file any more? */
  #gone({ own, memory }: HostFile): boolean {
    return memory ? libc.flock(own, LOCK_EX | LOCK_NB) === 0 : libc.fcntl(own, F_SETLEASE, F_WRLCK) === 0;
  }

  #release(host: HostFile): void {
    this.#doubtful.delete(host);
    this.#written.delete(host);
    this.#byWatch.delete(host.watch);
    this.#index.remove(host.place);
    libc.inotify_rm_watch(this.inotify, host.watch);
    if (host.memory) this.onMemoryGone?.(host.own);
    closeSync(host.own);
    for (let i = 0; i < host.references; i++) this.#kernel.close(host.file);
  }
}
