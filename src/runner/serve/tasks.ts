/**
 * The processes and threads that make calls: which program image each runs, when it ends, and what its descriptors are.
 */
import { closeSync, constants } from 'node:fs';
import type { VirtualKernel } from '../../kernel/kernel.js';
import type { Mm } from '../../memory/mm.js';
import { addressOf, errno, libc } from '../host/libc.js';
import { imageOf, limitsOf, threadGroup, tryOpen } from '../host/procfs.js';
import { RemoteMemory } from '../memory/remote-memory.js';
import { SharedFiles } from '../memory/shared-files.js';
import { hostArchitecture, numberOf } from '../seccomp/syscalls.js';
import { type Place, placeOf } from './file-index.js';

const O_PATH_DIRECTORY = 0o10000000 | constants.O_DIRECTORY | 0o2000000;
const ENOENT = 2;
/** Threads whose descriptor directory is kept open, at first; and the part of our descriptors that they may take. */
const THREADS = 256;
const PART_OF_DESCRIPTORS = 4;

/** One program image of a process. */
export class RemoteProcess {
  readonly pid: number;
  readonly pidfd: number;
  memory: RemoteMemory;
  mm: Mm;
  /** It made an execve since its last call. */
  execPending = false;
  readonly #kernel: VirtualKernel;
  readonly #shared: SharedFiles;
  /** The image when it began to execute another program. */
  #image = '';

  /** @param tid a thread of it that lives: the first one may have ended before the others */
  constructor(kernel: VirtualKernel, pid: number, pidfd: number, tid: number, shared: SharedFiles) {
    this.#kernel = kernel;
    this.pid = pid;
    this.pidfd = pidfd;
    this.#shared = shared;
    this.memory = new RemoteMemory(pid, shared);
    this.memory.tid = tid;
    this.mm = this.#kernel.newMm(this.memory);
  }

  /**
   * A call begins. After an execve: was the program replaced? The old memory ends then.
   * @param valid does the caller still wait?
   */
  settle(tid: number, instruction: number, valid: () => boolean): void {
    if (this.execPending) {
      this.execPending = false;
      const image = imageOf(tid);
      if (image === this.#image && !this.memory.gone(instruction)) this.memory.stale = false;
      else {
        this.end();
        this.memory = new RemoteMemory(this.pid, this.#shared);
        this.mm = this.#kernel.newMm(this.memory);
      }
    }
    this.memory.tid = tid;
    this.memory.confirm = valid;
  }

  /** It is about to execute another program: until we know more, its memory is reached by held files only. */
  beginExec(tid: number): void {
    if (!this.execPending) this.#image = imageOf(tid);
    this.execPending = true;
    this.memory.stale = true;
  }

  end(): void {
    this.#kernel.endMm(this.mm, () => this.memory.close());
  }
}

export class Tasks {
  /** The memory that processes share. */
  readonly shared = new SharedFiles();
  readonly #processes = new Map<number, RemoteProcess>();
  /** By thread: an O_PATH descriptor of /proc/TID/fd. It means that thread only, also when the number is used again. */
  readonly #threads = new Map<number, { directory: number; process: RemoteProcess | undefined }>();
  readonly #stat = new DataView(new ArrayBuffer(hostArchitecture().stat.size));
  readonly #statAddress = addressOf(this.#stat);
  readonly #name = new Uint8Array(new ArrayBuffer(16));
  readonly #nameAddress = addressOf(this.#name);
  readonly #newfstatat = numberOf('newfstatat');
  readonly #kernel: VirtualKernel;
  readonly #watch: (process: RemoteProcess) => void;
  #room = THREADS;
  readonly #mostThreads: number;

  /** @param watch told of each new process: its pidfd becomes readable when it ends */
  constructor(kernel: VirtualKernel, watch: (process: RemoteProcess) => void) {
    this.#kernel = kernel;
    this.#watch = watch;
    const limit = Number(limitsOf(process.pid, 'Max open files').soft ?? 1 << 20);
    this.#room = Math.min(THREADS, Math.floor(limit / PART_OF_DESCRIPTORS));
    this.#mostThreads = Math.floor(limit / PART_OF_DESCRIPTORS);
  }

  /** The processes that made calls on virtual files. */
  pids(): number[] {
    return [...this.#processes.keys()];
  }

  /** The memory of a process that made calls on virtual files. */
  mmOf(pid: number): Mm | undefined {
    return this.#processes.get(pid)?.mm;
  }

  get anyProcess(): boolean {
    return this.#processes.size > 0;
  }

  /**
   * The inode behind a thread's descriptor.
   * @returns undefined if the descriptor is not open
   */
  inodeOf(tid: number, fd: number): Place | undefined {
    if (fd < 0) return undefined;
    this.#writeName(fd);
    for (let attempt = 0; attempt < 2; attempt++) {
      const directory = this.#directory(tid, attempt > 0);
      if (directory === undefined) return undefined;
      if (libc.syscall(this.#newfstatat, directory, this.#nameAddress, this.#statAddress, 0, 0) === 0) {
        return placeOf(this.#stat);
      }
      // Not open; or the directory is of a thread that is gone, and the number is another thread's now.
      if (errno() !== ENOENT) return undefined;
    }
    return undefined;
  }

  /** The process of a thread that makes a call. @throws if the thread is gone */
  process(tid: number, instruction: number, valid: () => boolean): RemoteProcess {
    let thread = this.#threads.get(tid);
    if (!thread?.process) {
      this.#directory(tid, thread === undefined);
      thread = this.#threads.get(tid);
      if (!thread) throw new Error(`thread ${tid} is gone`);
      thread.process = this.#processes.get(tid) ?? this.#processOf(tid);
    }
    thread.process.settle(tid, instruction, valid);
    return thread.process;
  }

  /** The number of a thread's process; the thread's own if it is gone. */
  pidOf(tid: number): number {
    const known = this.#threads.get(tid)?.process;
    if (known) return known.pid;
    try {
      return threadGroup(tid);
    } catch {
      return tid;
    }
  }

  /** A thread calls execve. */
  beginExec(tid: number): void {
    if (this.#processes.size === 0) return;
    let pid = tid;
    try {
      if (!this.#processes.has(tid)) pid = threadGroup(tid);
      this.#processes.get(pid)?.beginExec(tid);
    } catch {
      // It was killed meanwhile.
      return;
    }
    // The new program's thread has the process's number; what was known of its threads is void.
    for (const [id, thread] of this.#threads) if (thread.process?.pid === pid) this.#forget(id);
  }

  /** A process ended. */
  ended(process: RemoteProcess): void {
    process.end();
    closeSync(process.pidfd);
    this.#processes.delete(process.pid);
    for (const [tid, thread] of this.#threads) if (thread.process === process) this.#forget(tid);
  }

  #processOf(tid: number): RemoteProcess {
    // Only the first thread of a process has a pidfd, and most threads that make calls are that.
    let pid = tid;
    let pidfd = libc.syscall(numberOf('pidfd_open'), tid, 0, 0, 0, 0);
    if (pidfd < 0) {
      pid = threadGroup(tid);
      const known = this.#processes.get(pid);
      if (known) return known;
      pidfd = libc.syscall(numberOf('pidfd_open'), pid, 0, 0, 0, 0);
      if (pidfd < 0) throw new Error(`process ${pid} is gone`);
    }
    const process = new RemoteProcess(this.#kernel, pid, pidfd, tid, this.shared);
    this.#processes.set(pid, process);
    this.#watch(process);
    return process;
  }

  #directory(tid: number, again: boolean): number | undefined {
    const known = this.#threads.get(tid);
    if (known && !again) return known.directory;
    this.#forget(tid);
    const directory = tryOpen(`/proc/${tid}/fd`, O_PATH_DIRECTORY);
    if (directory === undefined) return undefined;
    if (this.#threads.size >= this.#room) this.#makeRoom();
    this.#threads.set(tid, { directory, process: undefined });
    return directory;
  }

  /** Forgets threads that ended; if few did, the table grows as far as our descriptors allow. */
  #makeRoom(): void {
    for (const tid of this.#threads.keys()) if (libc.kill(tid, 0) < 0) this.#forget(tid);
    if (this.#threads.size < this.#room / 2) return;
    this.#room = Math.min(this.#room * 2, this.#mostThreads);
    const [oldest] = this.#threads.keys();
    if (this.#threads.size >= this.#room && oldest !== undefined) this.#forget(oldest);
  }

  #forget(tid: number): void {
    const thread = this.#threads.get(tid);
    if (!thread) return;
    closeSync(thread.directory);
    this.#threads.delete(tid);
  }

  /** The descriptor's number as text, without making a string. */
  #writeName(fd: number): void {
    let digits = 1;
    for (let rest = fd; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    for (let i = digits - 1, rest = fd; i >= 0; i--, rest = Math.floor(rest / 10)) this.#name[i] = 48 + (rest % 10);
    this.#name[digits] = 0;
  }
}
