/**
 * An open file description in the Unix sense: what open() makes, and what dup, fork, exec and SCM_RIGHTS share.
 * It lives as long as someone refers to it: descriptors, and objects that hold it (a VM holds its proofs).
 */
import type { IoctlDetail } from './ioctl.js';
import type { Mm } from './mm.js';

/** The thread that makes a system call, as files see it. Implemented by Process (simulated) and by runner/. */
export interface Caller {
  readonly pid: number;
  readonly tid: number;
  readonly mm: Mm;
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
  /** A reference to one of the caller's eventfds (eventfd(2)). @throws EBADF, EINVAL for another kind of file */
  eventfd(fd: number): EventSignal;
}

/** An eventfd that the kernel holds, to tell a program of something. */
export interface EventSignal {
  /** Adds one to its counter. */
  signal(): void;
  close(): void;
}

/** Memory of a device that programs share by mmap. */
export interface MappableMemory {
  /** Bytes. */
  readonly size: number;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
}

/** The answer of mmap: which memory, and from which byte of it on. */
export interface MmapGrant {
  readonly memory: MappableMemory;
  readonly offset: number;
}

/** What a kind of file does. A missing method means what Linux answers for a file without that operation. */
export interface FileOps {
  /** How a trace names the file: its path, or anon_inode:[…] as Linux does. */
  readonly name: string;
  /** @throws Errno; a failed call changes nothing */
  ioctl(caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number;
  /** Reads from the file's own position: streams of records. Returns bytes. @throws EAGAIN if there is nothing now */
  read?(into: Uint8Array): number;
  pread?(into: Uint8Array, offset: bigint): number;
  pwrite?(from: Uint8Array, offset: bigint): number;
  /** @param shared MAP_SHARED, not MAP_PRIVATE */
  mmap?(offset: bigint, size: bigint, shared: boolean): MmapGrant;
  /** True if read() has something now. */
  readable?(): boolean;
  /** The last reference is gone. */
  release(): void;
}

export class OpenFile<T extends FileOps = FileOps> {
  readonly ops: T;
  #references = 1;

  /** A new open file, with the reference of its first descriptor. */
  constructor(ops: T) {
    this.ops = ops;
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
    if (this.#references === 0) throw new Error(`${this.ops.name} is released already`);
    if (--this.#references === 0) this.ops.release();
  }
}
