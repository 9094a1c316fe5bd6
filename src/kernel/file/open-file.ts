/**
 * An open file description in the Unix sense: what open() makes, and what dup, fork, exec and SCM_RIGHTS share.
 * It lives as long as someone refers to it: descriptors, and objects that hold it (a VM holds its proofs).
 *
 * It is an object and a table (Linux: struct file with its file_operations). The object does not know its system calls;
 * the table says what they are, and which facets other parts may ask for.
 */
import { Errno } from '../../abi/errno.js';
import type { MemoryFile } from '../../memory/memory.js';
import type { Mm } from '../../memory/mm.js';
import { Facet, type FacetOf } from './facet.js';
import type { IoctlDetail } from './ioctl-detail.js';

/** The thread that makes a system call, as files see it. Implemented by Process (simulated) and by runner/. */
export interface Caller {
  readonly pid: number;
  readonly tid: number;
  readonly mm: Mm;
  /** The user whose limits its pins count against. */
  readonly uid: number;
  /** Does it hold a capability (capabilities(7))? */
  capable(capability: number): boolean;
  /**
   * The open file behind one of the caller's descriptors.
   * @returns null for a descriptor of some other kind than the virtual kernel's
   * @throws EBADF if the descriptor is not open
   */
  file(fd: number): OpenFile | null;
  /**
   * Gives the caller a descriptor for a new open file; the lowest free number.
   * @param flags O_CLOEXEC, O_NONBLOCK
   * @throws EMFILE; the open file is released then
   */
  install(file: OpenFile, flags: number): number;
  /**
   * The memory file (memfd, shmem, hugetlbfs) behind one of the caller's descriptors; close it when it is no longer used.
   * @throws EBADF if the descriptor is not open
   */
  memoryFile(fd: number): MemoryFile;
  /** A reference to one of the caller's eventfds (eventfd(2)). @throws EBADF, EINVAL for another kind of file */
  eventfd(fd: number): EventSignal;
}

/** An eventfd that the kernel holds, to tell a program of something. */
export interface EventSignal {
  /** Adds one to its counter. */
  signal(): void;
  /** Somebody added to it since it was read: it is read then, and its counter is 0. */
  take(): boolean;
  close(): void;
}

/** Memory of a device that programs share by mmap. */
export interface MappableMemory {
  /** Bytes. */
  readonly size: number;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
  /** What programs have mapped is the bytes from now on; or, while the device does not decode, ones. */
  respond?(on: boolean): void;
}

/** Memory that mappings of a file show. */
export interface BackingPart {
  readonly memory: MappableMemory;
  /** Offset in the file of its first byte. */
  readonly at: bigint;
}

/** What mappings of a file show, in the order of the offsets. */
export const BACKING = new Facet<readonly BackingPart[]>('backing');

/** The device that a file is an open file of, by its name: vfioN. */
export const DEVICE = new Facet<string>('device');

/** What /proc/PID/fdinfo shows of a file beside what it shows of every one: whole lines. */
export const FDINFO = new Facet<string>('fdinfo');

/** What mmap(2) asks for. */
export interface MmapRequest {
  /** Offset in the file, bytes: whole pages. */
  readonly offset: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** MAP_SHARED, not MAP_PRIVATE. */
  readonly shared: boolean;
  /** PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4. */
  readonly prot: number;
}

/** What mmap(2) of a file gives: a part of some memory. */
export interface MmapGrant {
  readonly memory: MappableMemory;
  /** Offset of the mapping's first byte in the memory. */
  readonly offset: number;
}

/** What poll(2) says of a file now. */
export interface Readiness {
  readonly readable: boolean;
  readonly writable: boolean;
}

/**
 * The system calls on one kind of file. A call that is not there fails as Linux has it for a file without: ENOTTY for
 * ioctl, EINVAL for read and write, ESPIPE at an offset, ENODEV for mmap; poll finds it always ready.
 */
export interface FileTable<T> {
  /** Name as /proc/PID/fd shows it. */
  name(object: T): string;
  /** @returns the result of the call, ≥ 0. @throws Errno */
  ioctl?(object: T, caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number;
  /** read(2): fills the buffer from its start. Returns bytes; 0: the end. @throws EAGAIN nothing is there now */
  read?(object: T, caller: Caller, into: Uint8Array): number;
  /** What read() gave did not reach the caller (EFAULT): the next read gives it again. Not given: it is lost. */
  putBack?(object: T, bytes: Uint8Array): void;
  /** Its read never waits: with nothing there it answers what read() gives, 0 bytes. */
  readonly immediate?: boolean;
  /** write(2). Returns bytes taken. */
  write?(object: T, caller: Caller, from: Uint8Array): number;
  /** Reads at an offset. Returns bytes. */
  pread?(object: T, caller: Caller, into: Uint8Array, offset: bigint): number;
  /** Writes at an offset. Returns bytes. */
  pwrite?(object: T, caller: Caller, from: Uint8Array, offset: bigint): number;
  mmap?(object: T, caller: Caller, request: MmapRequest): MmapGrant;
  poll?(object: T): Readiness;
  /** The last reference is gone. */
  release?(object: T): void;
  readonly facets?: readonly FacetOf<T>[];
}

const ALWAYS_READY: Readiness = { readable: true, writable: true };

let nextId = 1;

export class OpenFile<T = unknown> {
  readonly #object: T;
  readonly #table: FileTable<T>;
  #references = 1;
  /** A number that no other open file has, for whoever watches. */
  readonly id = nextId++;

  /** A new open file, with the reference of its first descriptor. */
  constructor(object: T, table: FileTable<T>) {
    this.#object = object;
    this.#table = table;
  }

  /** Name as /proc/PID/fd shows it. */
  get name(): string {
    return this.#table.name(this.#object);
  }

  /** A typed view of what the file is; undefined if it is none of that kind. */
  facet<V>(key: Facet<V>): V | undefined {
    const found = this.#table.facets?.find((each) => each.key === key);
    // Only the key itself makes an entry of a table (Facet.from), with a view of its own type.
    return found?.view(this.#object) as V | undefined;
  }

  ioctl(caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number {
    if (!this.#table.ioctl) throw new Errno('ENOTTY', `${this.name} has no ioctls`);
    return this.#table.ioctl(this.#object, caller, request, argument, detail);
  }

  read(caller: Caller, into: Uint8Array): number {
    if (!this.#table.read) throw new Errno('EINVAL', `${this.name} has nothing to read`);
    return this.#table.read(this.#object, caller, into);
  }

  /** What read() gave did not reach the caller. */
  putBack(bytes: Uint8Array): void {
    this.#table.putBack?.(this.#object, bytes);
  }

  write(caller: Caller, from: Uint8Array): number {
    if (!this.#table.write) throw new Errno('EINVAL', `${this.name} cannot be written`);
    return this.#table.write(this.#object, caller, from);
  }

  pread(caller: Caller, into: Uint8Array, offset: bigint): number {
    if (!this.#table.pread) throw new Errno('ESPIPE', `${this.name} cannot be read at an offset`);
    return this.#table.pread(this.#object, caller, into, offset);
  }

  pwrite(caller: Caller, from: Uint8Array, offset: bigint): number {
    if (!this.#table.pwrite) throw new Errno('ESPIPE', `${this.name} cannot be written at an offset`);
    return this.#table.pwrite(this.#object, caller, from, offset);
  }

  mmap(caller: Caller, request: MmapRequest): MmapGrant {
    if (!this.#table.mmap) throw new Errno('ENODEV', `${this.name} cannot be mapped`);
    return this.#table.mmap(this.#object, caller, request);
  }

  poll(): Readiness {
    return this.#table.poll?.(this.#object) ?? ALWAYS_READY;
  }

  /** Its read never waits. */
  get immediate(): boolean {
    return this.#table.immediate === true;
  }

  /** Reading, writing or polling it is this kernel's own work: each such call must reach it. */
  get driven(): boolean {
    const { read, write, poll } = this.#table;
    return (read ?? write ?? poll) !== undefined;
  }

  get references(): number {
    return this.#references;
  }

  /** Takes one more reference. */
  get(): this {
    this.#references++;
    return this;
  }

  /** Drops a reference; the last one releases the file. */
  put(): void {
    if (this.#references === 0) throw new Error(`${this.name} is released already`);
    if (--this.#references === 0) this.#table.release?.(this.#object);
  }
}
