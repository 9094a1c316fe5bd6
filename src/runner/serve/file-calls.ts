/** System calls on descriptors of the virtual kernel's files: ioctl, positioned reads and writes, mmap, fstat. */
import { closeSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import { BACKING, type Caller, type EventSignal, type OpenFile } from '../../kernel/file/open-file.js';
import { ATTRIBUTE, type AttributeFile } from '../../kernel/fs/attribute-file.js';
import type { Located } from '../../kernel/fs/file-system.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { GROWING, PlainMemory } from '../../kernel/plain-memory.js';
import { type MemoryFile, unpinnableFile } from '../../memory/memory.js';
import type { DrivenFiles } from '../driven/driven-files.js';
import { gather, type Piece } from '../driven/gather.js';
import { takeEventfd } from '../host/eventfd.js';
import { credentials, hasCapability } from '../host/procfs.js';
import { countMappings, FilePart } from '../memory/file-part.js';
import { copyRemote } from '../memory/remote-memory.js';
import { SharedMemory } from '../memory/shared-memory.js';
import { packStat, packStatx } from '../path/status.js';
import { copyOut } from '../path-calls/resolve.js';
import type { Notification } from '../seccomp/notification.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import type { FileIndex } from './file-index.js';
import type { HostFiles } from './host-files.js';
import type { Served } from './served.js';
import type { RemoteProcess, Tasks } from './tasks.js';

const MAP_TYPE = 0xf;
const MAP_PRIVATE = 2;
const AT_EMPTY_PATH = 0x1000;
const IOV_MAX = 1024;
const EBADF = 9;

type Handler = (notification: Notification) => Served;

/** The thread whose call is being served. */
class RemoteCaller implements Caller {
  readonly #calls: FileCalls;
  readonly #notification: Notification;
  readonly #process: RemoteProcess;

  constructor(calls: FileCalls, notification: Notification, process: RemoteProcess) {
    this.#calls = calls;
    this.#notification = notification;
    this.#process = process;
  }

  get pid() {
    return this.#process.pid;
  }
  get tid() {
    return this.#notification.tid;
  }
  get mm() {
    return this.#process.mm;
  }
  get uid() {
    return credentials(this.tid, true).uid;
  }
  capable(capability: number): boolean {
    return hasCapability(this.tid, capability);
  }
  memoryFile(fd: number): MemoryFile {
    const file = this.file(fd);
    return file ? unpinnableFile(file.name) : this.#calls.tasks.shared.open(this.tid, fd);
  }
  file(fd: number): OpenFile | null {
    const place = this.#calls.tasks.inodeOf(this.tid, fd);
    if (!place) throw new Errno('EBADF', `descriptor ${fd} is not open`);
    return this.#calls.index.find(place) ?? null;
  }
  install(file: OpenFile, flags: number): number {
    // A file that is never writable for poll is not for the host either.
    const access = file.immediate && !file.poll().writable ? O.RDONLY : O.RDWR;
    return this.#calls.give(this.#notification, file, access | flags, false);
  }
  eventfd(fd: number): EventSignal {
    return takeEventfd(this.#process.pidfd, fd);
  }
}

export interface FileCallsOptions {
  readonly kernel: VirtualKernel;
  readonly tasks: Tasks;
  readonly index: FileIndex;
  readonly files: HostFiles;
  readonly driven: DrivenFiles;
  readonly watchEnd: (writeEnd: number) => void;
  readonly firstDriven: number;
}

export class FileCalls {
  readonly kernel: VirtualKernel;
  readonly tasks: Tasks;
  readonly index: FileIndex;
  readonly #files: HostFiles;
  readonly #driven: DrivenFiles;
  /** Told of each new driven file: an error of this end tells its last close. */
  readonly #watchEnd: (writeEnd: number) => void;
  readonly #memories = new Set<SharedMemory>();
  /** The number from which on read and write are handed over. */
  readonly #firstDriven: number;

  constructor({ kernel, tasks, index, files, driven, watchEnd, firstDriven }: FileCallsOptions) {
    this.kernel = kernel;
    this.tasks = tasks;
    this.index = index;
    this.#files = files;
    this.#driven = driven;
    this.#watchEnd = watchEnd;
    this.#firstDriven = firstDriven;
    files.onMemoryGone = (fd) => {
      for (const memory of this.#memories) memory.leave(fd);
    };
  }

  handlers(): Partial<Record<SyscallName, Handler>> {
    return {
      ioctl: (n) => this.#serve(n, (caller, fd, file) => this.kernel.ioctl(caller, fd, file, n.uint(1), n.argument(2))),
      pread64: (n) =>
        this.#serve(n, (caller, fd, file) =>
          this.kernel.pread(caller, fd, file, n.argument(1), n.argument(2), n.argument(3)),
        ),
      pwrite64: (n) =>
        this.#serve(n, (caller, fd, file) =>
          this.kernel.pwrite(caller, fd, file, n.argument(1), n.argument(2), n.argument(3)),
        ),
      preadv: (n) => this.#vector(n, false),
      preadv2: (n) => this.#vector(n, false),
      pwritev: (n) => this.#vector(n, true),
      pwritev2: (n) => this.#vector(n, true),
      mmap: (n) => this.#mmap(n),
      fstat: (n) => this.#fstat(n, n.int(0), (found) => copyOut(n, 1, packStat(found))),
    };
  }

  /** Does newfstatat or statx mean the descriptor, by an empty path? */
  isEmptyPath(n: Notification, name: 'newfstatat' | 'statx'): boolean {
    if (!(n.int(name === 'statx' ? 2 : 3) & AT_EMPTY_PATH)) return false;
    const byte = new Uint8Array(new ArrayBuffer(1));
    // Linux takes a null pointer as an empty path too.
    return n.address(1) === 0 || (copyRemote(n.tid, n.address(1), byte, 1, false) === 1 && byte[0] === 0);
  }

  /** fstat by newfstatat or statx: an empty path. */
  emptyPathStat(n: Notification, name: 'newfstatat' | 'statx'): Served {
    return this.#fstat(n, n.int(0), (found) =>
      name === 'statx' ? copyOut(n, 4, packStatx(found)) : copyOut(n, 2, packStat(found)),
    );
  }

  /**
   * Puts a descriptor of a new open file into the caller.
   * @param send the number is the call's result, and the call ends
   * @returns the number
   * @throws EMFILE and what else the host answers; the open file is released then
   */
  give(n: Notification, file: OpenFile, flags: number, send: boolean): number {
    const attribute = file.facet(ATTRIBUTE);
    if (attribute) return this.#giveAttribute(n, file, attribute, flags, send);
    if (file.driven) return this.#giveDriven(n, file, flags, send);
    const memories = (file.facet(BACKING) ?? []).filter((memory) => memory instanceof SharedMemory);
    for (const memory of memories) this.#memories.add(memory);
    const growing = file.facet(GROWING);
    const ours = this.#files.make(file, flags & (O.ACCMODE | O.NONBLOCK), growing ? 'growing' : memories);
    if (growing) growing.count = (offset) => countMappings(this.#files.memoryOf(file), offset);
    const fd = n.addDescriptor(ours, { cloexec: (flags & O.CLOEXEC) !== 0, send });
    // If the caller did not get it, this close is the last one and releases the file.
    closeSync(ours);
    return given(fd);
  }

  #giveDriven(n: Notification, file: OpenFile, flags: number, send: boolean): number {
    const { fd: ours, writeEnd } = this.#driven.make(file, flags & (O.ACCMODE | O.NONBLOCK));
    const fd = this.#addDriven(n, ours, flags, send);
    this.#watchEnd(writeEnd);
    return fd;
  }

  /** Reading an attribute is the host kernel's work; writing it is driven. */
  #giveAttribute(n: Notification, file: OpenFile, attribute: AttributeFile, flags: number, send: boolean): number {
    const access = flags & O.ACCMODE;
    const bytes = access === O.WRONLY ? new Uint8Array() : attribute.text();
    // Its read fails: with the right number.
    if (!bytes) return this.#giveDriven(n, file, flags, send);
    const written = (from: Uint8Array): void => this.#writeUnasked(attribute, from);
    const content = { bytes, written: access === O.RDONLY ? undefined : written };
    const ours = this.#files.make(file, flags & (O.ACCMODE | O.NONBLOCK), [], content);
    if (access !== O.RDONLY) return this.#addDriven(n, ours, flags, send);
    const fd = n.addDescriptor(ours, { cloexec: (flags & O.CLOEXEC) !== 0, send });
    closeSync(ours);
    return given(fd);
  }

  /** A write that the host kernel has done already: its failure is in the trace only. */
  #writeUnasked(attribute: AttributeFile, from: Uint8Array): void {
    const record = { pid: 0, tid: 0, call: 'write', file: attribute.name, input: { count: from.length } };
    try {
      this.kernel.report({ ...record, result: attribute.write(from) });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.kernel.report({ ...record, result: -1, error });
    }
  }

  /** Gives the caller a driven number for a descriptor of ours, and closes ours. */
  #addDriven(n: Notification, ours: number, flags: number, send: boolean): number {
    const how = { cloexec: (flags & O.CLOEXEC) !== 0, send };
    let fd = n.addDescriptor(ours, { ...how, number: this.#freeNumber(n.tid) });
    // Over its limit of descriptors the program has no such number: any will do.
    if (fd === -EBADF) fd = n.addDescriptor(ours, how);
    closeSync(ours);
    return given(fd);
  }

  /** The lowest free number of a thread that is driven. */
  #freeNumber(tid: number): number {
    let number = this.#firstDriven;
    while (this.tasks.inodeOf(tid, number)) number++;
    return number;
  }

  /** Is reading the file the host kernel's work? */
  readByHost(file: OpenFile): boolean {
    return !file.driven || file.facet(ATTRIBUTE) !== undefined;
  }

  /** The virtual file behind a thread's descriptor; undefined if it is another kind. */
  find(tid: number, fd: number): OpenFile | undefined {
    if (!this.index.any) return undefined;
    const place = this.tasks.inodeOf(tid, fd);
    return place && this.index.find(place);
  }

  /** The thread that makes a call. */
  caller(n: Notification): Caller {
    return new RemoteCaller(this, n, this.tasks.process(n.tid, n.instruction, n.stillWaits));
  }

  /** A call on the descriptor that is its first argument. */
  #serve(n: Notification, act: (caller: Caller, fd: number, file: OpenFile) => number): Served {
    const fd = n.int(0);
    const file = this.find(n.tid, fd);
    return file ? act(this.caller(n), fd, file) : 'host';
  }

  /** preadv and pwritev: one piece after the other, as Linux does for a file without them. */
  #vector(n: Notification, write: boolean): Served {
    return this.#serve(n, (caller, fd, file) =>
      gather(this.pieces(n), (address, size, done) => {
        const offset = n.argument(3) + BigInt(done);
        return write
          ? this.kernel.pwrite(caller, fd, file, address, size, offset)
          : this.kernel.pread(caller, fd, file, address, size, offset);
      }),
    );
  }

  /** The buffers of an iovec array: the second argument, as many as the third. @throws EINVAL, EFAULT */
  pieces(n: Notification): Piece[] {
    const count = n.uint(2);
    if (count > IOV_MAX) throw new Errno('EINVAL', `${count} buffers are more than ${IOV_MAX}`);
    const iovecs = new DataView(new ArrayBuffer(count * 16));
    this.caller(n).mm.copyIn(n.argument(1), new Uint8Array(iovecs.buffer));
    return Array.from({ length: count }, (_, i) => [
      iovecs.getBigUint64(i * 16, true),
      iovecs.getBigUint64(i * 16 + 8, true),
    ]);
  }

  /** Looks whether the region can be mapped; the mapping itself is the host kernel's work. */
  #mmap(n: Notification): Served {
    const fd = n.int(4);
    const file = this.find(n.tid, fd);
    if (!file) return 'host';
    const shared = (n.int(3) & MAP_TYPE) !== MAP_PRIVATE;
    const request = { size: n.argument(1), offset: n.argument(5), shared, prot: n.int(2) };
    const { memory } = this.kernel.mmap(this.caller(n), fd, file, request);
    const fileMemory = this.#files.memoryOf(file);
    if (memory instanceof SharedMemory && fileMemory !== undefined) memory.moveTo(fileMemory);
    if (memory instanceof PlainMemory && fileMemory !== undefined)
      memory.moveTo(new FilePart(fileMemory, n.argument(5), memory.size));
    return 'host';
  }

  #fstat(n: Notification, fd: number, answer: (found: Located) => Served): Served {
    const file = this.find(n.tid, fd);
    if (!file) return 'host';
    const path = file.name;
    const inode = this.kernel.fs.get(path);
    return inode ? answer({ path, inode }) : 'host';
  }
}

/** @throws EMFILE, ESRCH the caller has no room for a descriptor, or is gone */
function given(fd: number): number {
  if (fd < 0) throw new Errno(fd === -24 ? 'EMFILE' : 'ESRCH', `the host gives the caller no descriptor (${fd})`);
  return fd;
}
