/**
 * A simulated process: descriptors, memory and the system calls of the virtual kernel, for the library and the tests.
 * Calls return what the system call returns, and throw Errno where it would fail.
 */
import { Errno } from '../abi/errno.js';
import { O } from '../abi/fcntl.js';
import type { Ioctl } from '../abi/ioctl.js';
import type { FieldTypes, Struct, Values } from '../abi/layout.js';
import type { MemoryFile } from '../memory/memory.js';
import { unpinnableFile } from '../memory/memory.js';
import type { Mm } from '../memory/mm.js';
import { SimulatedFile } from '../memory/ram.js';
import { SimulatedMemory } from '../memory/simulated-memory.js';
import { EVENT_FD, EVENT_FD_TABLE, EventFd } from './file/event-fd.js';
import { MEMORY_FILE, MEMORY_FILE_TABLE } from './file/memory-file.js';
import { type Caller, type EventSignal, type MmapGrant, OpenFile } from './file/open-file.js';
import { type Credentials, capable, ROOT } from './fs/permission.js';
import type { VirtualKernel } from './kernel.js';

/** RLIMIT_NOFILE of a simulated process. */
const MAX_FDS = 1024;
const SCRATCH_SIZE = 4096;
const PROT_READ_WRITE = 3;

export interface ProcessOptions {
  /** RLIMIT_MEMLOCK, bytes; not given: unlimited. */
  memlock?: bigint;
  credentials?: Credentials;
}

export class Process implements Caller {
  readonly pid: number;
  readonly tid: number;
  readonly #kernel: VirtualKernel;
  readonly #nextPid: () => number;
  readonly #credentials: Credentials;
  #memory: SimulatedMemory;
  #mm: Mm;
  /** Where call() puts structs. */
  #arguments: bigint | undefined;
  #fds = new Map<number, { file: OpenFile; cloexec: boolean }>();

  constructor(kernel: VirtualKernel, nextPid: () => number, options: ProcessOptions = {}, memory?: SimulatedMemory) {
    this.#kernel = kernel;
    this.#nextPid = nextPid;
    this.pid = this.tid = nextPid();
    this.#credentials = options.credentials ?? ROOT;
    this.#memory = memory ?? new SimulatedMemory(options.memlock);
    this.#mm = this.#kernel.newMm(this.#memory);
  }

  get uid(): number {
    return this.#credentials.uid;
  }

  capable(capability: number): boolean {
    return capable(this.#credentials, capability);
  }

  get mm(): Mm {
    return this.#mm;
  }

  /** The memory, to lay out areas and to look at bytes. */
  get memory(): SimulatedMemory {
    return this.#memory;
  }

  open(path: string, flags: number = O.RDWR): number {
    const record = { pid: this.pid, tid: this.tid, call: 'open', file: path };
    try {
      const fd = this.install(this.#kernel.open(path, flags, this.#credentials), flags);
      this.#kernel.report({ ...record, result: fd });
      return fd;
    } catch (error) {
      if (error instanceof Errno) this.#kernel.report({ ...record, result: -1, error });
      throw error;
    }
  }

  close(fd: number): void {
    const { file } = this.#slot(fd);
    this.#fds.delete(fd);
    this.#kernel.close(file);
  }

  /** Another descriptor of the same open file. */
  dup(fd: number): number {
    return this.install(this.#kernel.dup(this.#slot(fd).file), 0);
  }

  ioctl(fd: number, request: number, argument: bigint | number = 0n): number {
    return this.#kernel.ioctl(this, fd, this.#slot(fd).file, request, BigInt.asUintN(64, BigInt(argument)));
  }

  /**
   * An ioctl with a struct, by field names: fills the struct in (its size too), calls, and reads it back.
   * @param fields what is not given is zero
   * @returns the struct after the call, and the call's result
   */
  call<F extends FieldTypes>(
    fd: number,
    ioctl: Ioctl<Struct<F>>,
    fields: Partial<Values<F>> = {},
  ): Values<F> & { result: number } {
    const { size, fields: layout, get, set } = ioctl.argument;
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    if (layout[0]?.name === 'argsz' || (layout[0]?.name === 'size' && layout[0].type === 'u32'))
      view.setUint32(0, size, true);
    for (const [name, value] of Object.entries(fields)) set[name as keyof typeof set](view, value as never);
    this.#arguments ??= this.#memory.mmap(SCRATCH_SIZE);
    this.#memory.write(this.#arguments, bytes);
    const result = this.ioctl(fd, ioctl.request, this.#arguments);
    this.#memory.read(this.#arguments, bytes);
    const values = Object.entries<(view: DataView) => number | bigint>(get).map(([name, read]) => [name, read(view)]);
    // Field by field from the layout, so it has the type that the layout says.
    return { ...(Object.fromEntries(values) as Values<F>), result };
  }

  pread(fd: number, address: bigint, count: number, offset: bigint): number {
    return this.#kernel.pread(this, fd, this.#slot(fd).file, address, BigInt(count), offset);
  }

  pwrite(fd: number, address: bigint, count: number, offset: bigint): number {
    return this.#kernel.pwrite(this, fd, this.#slot(fd).file, address, BigInt(count), offset);
  }

  read(fd: number, address: bigint, count: number): number {
    return this.#kernel.read(this, fd, this.#slot(fd).file, address, BigInt(count));
  }

  write(fd: number, address: bigint, count: number): number {
    return this.#kernel.write(this, fd, this.#slot(fd).file, address, BigInt(count));
  }

  /** mmap(2), shared, for reading and writing. */
  mmap(fd: number, size: number, offset: bigint): MmapGrant {
    const request = { size: BigInt(size), offset, shared: true, prot: PROT_READ_WRITE };
    return this.#kernel.mmap(this, fd, this.#slot(fd).file, request);
  }

  /** poll(2) for input, without waiting. */
  readable(fd: number): boolean {
    return this.#slot(fd).file.poll().readable;
  }

  /** A child with a copy of the memory and the same open files. */
  fork(): Process {
    const child = new Process(this.#kernel, this.#nextPid, { credentials: this.#credentials }, this.#memory.fork());
    for (const [fd, { file, cloexec }] of this.#fds) child.#fds.set(fd, { file: this.#kernel.dup(file), cloexec });
    return child;
  }

  /** Another program in this process: new memory; descriptors with CLOEXEC are closed. */
  exec(): void {
    this.#kernel.endMm(this.#mm, () => this.#memory.end());
    this.#memory = new SimulatedMemory(this.#memory.lockLimit());
    this.#mm = this.#kernel.newMm(this.#memory);
    this.#arguments = undefined;
    for (const [fd, { cloexec }] of [...this.#fds]) if (cloexec) this.close(fd);
  }

  /** Hands a descriptor over, as SCM_RIGHTS does. Returns the receiver's number. */
  send(fd: number, to: Process): number {
    return to.install(this.#kernel.dup(this.#slot(fd).file), 0);
  }

  /** The process ends: its memory goes first, then its descriptors are closed, as in Linux (do_exit). */
  exit(): void {
    this.#kernel.endMm(this.#mm, () => this.#memory.end());
    for (const fd of [...this.#fds.keys()]) this.close(fd);
  }

  /** eventfd(2): a counter that can be read once it is not zero. */
  eventfdCreate(): number {
    return this.install(new OpenFile(new EventFd(), EVENT_FD_TABLE), 0);
  }

  /** memfd_create(2), with a size. Its pages are mapped by memory.mmap() with `shared`. */
  memfdCreate(size: number): number {
    return this.install(new OpenFile(new SimulatedFile(size), MEMORY_FILE_TABLE), 0);
  }

  memoryFile(fd: number): MemoryFile {
    const { file } = this.#slot(fd);
    return file.facet(MEMORY_FILE)?.get() ?? unpinnableFile(file.name);
  }

  eventfd(fd: number): EventSignal {
    const { file } = this.#slot(fd);
    const counter = file.facet(EVENT_FD);
    if (!counter) throw new Errno('EINVAL', `descriptor ${fd} is ${file.name}, no eventfd`);
    file.get();
    return { signal: () => counter.signal(), take: () => counter.take(), close: () => file.put() };
  }

  file(fd: number): OpenFile {
    return this.#slot(fd).file;
  }

  /** The open files by descriptor. */
  *files(): IterableIterator<readonly [fd: number, file: OpenFile]> {
    for (const [fd, { file }] of this.#fds) yield [fd, file];
  }

  install(file: OpenFile, flags: number): number {
    let fd = 3;
    while (this.#fds.has(fd)) fd++;
    if (fd >= MAX_FDS) {
      this.#kernel.close(file);
      throw new Errno('EMFILE', `the process has ${MAX_FDS} descriptors open`);
    }
    this.#fds.set(fd, { file, cloexec: (flags & O.CLOEXEC) !== 0 });
    return fd;
  }

  #slot(fd: number): { file: OpenFile; cloexec: boolean } {
    const slot = this.#fds.get(fd);
    if (!slot) throw new Errno('EBADF', `descriptor ${fd} is not open`);
    return slot;
  }
}
