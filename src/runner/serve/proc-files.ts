/**
 * Files of the host's /proc in which the virtual kernel has a word: the numbers of pages that it pinned, in
 * /proc/PID/status, what its files say of themselves in /proc/PID/fdinfo, and, with Linux's own tests,
 * /proc/PID/task/TID/fail-nth.
 */
import { readFileSync } from 'node:fs';
import { PAGE_SIZE } from '../../abi/address.js';
import { O } from '../../abi/fcntl.js';
import { FDINFO, OpenFile } from '../../kernel/file/open-file.js';
import { ATTRIBUTE_TABLE, AttributeFile } from '../../kernel/fs/attribute-file.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import type { Mm } from '../../memory/mm.js';
import { threadGroup } from '../host/procfs.js';
import { copyRemote } from '../memory/remote-memory.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import type { FileCalls } from './file-calls.js';

type Handlers = Partial<Record<SyscallName, (call: Call) => Served>>;

const STATUS = /^\/proc\/(self|thread-self|\d+)\/(?:task\/\d+\/)?status$/;
const INFO = /^\/proc\/(self|thread-self|\d+)\/(?:task\/(\d+)\/)?fdinfo\/(\d+)$/;
const FAIL_NTH = /^\/proc\/(self|thread-self|\d+)\/(?:task\/(\d+)\/)?fail-nth$/;
/** Longer paths are none of these. */
const LONGEST = 64;
const KILOBYTES = PAGE_SIZE / 1024;
const DESCRIPTOR_FLAGS = O.ACCMODE | O.NONBLOCK | O.CLOEXEC;

export class ProcFiles {
  readonly #kernel: VirtualKernel;
  readonly #calls: FileCalls;
  readonly #path = new Uint8Array(LONGEST);

  constructor(kernel: VirtualKernel, calls: FileCalls) {
    this.#kernel = kernel;
    this.#calls = calls;
  }

  /** The handlers of open and openat, with these files before them. */
  before(handlers: Handlers): Handlers {
    return {
      open: (n) => this.#open(n, 0) ?? handlers.open?.(n) ?? 'host',
      openat: (n) => this.#open(n, 1) ?? handlers.openat?.(n) ?? 'host',
    };
  }

  #open(n: Call, argument: number): Served | undefined {
    // Nothing is pinned before there is a process; a failure can be asked for before.
    if (!this.#calls.tasks.anyProcess && !this.#kernel.faults) return undefined;
    const path = this.#read(n, argument);
    const file = path?.startsWith('/proc/') ? this.#find(n, path, n.int(argument + 1)) : undefined;
    if (!file) return undefined;
    this.#calls.giver.give(n, file, n.int(argument + 1) & DESCRIPTOR_FLAGS, true);
    return 'done';
  }

  #find(n: Call, path: string, flags: number): OpenFile | undefined {
    const task = FAIL_NTH.exec(path);
    if (task) return this.#kernel.faults?.open(Number(task[2] ?? this.#number(n, task[1])));
    if ((flags & O.ACCMODE) !== O.RDONLY) return undefined;
    const info = INFO.exec(path);
    if (info) return this.#info(n, path, info);
    const status = STATUS.exec(path);
    if (!status) return undefined;
    const pid = this.#number(n, status[1]);
    const mm = this.#calls.tasks.mmOf(pid);
    if (!mm || mm.pinnedPages + mm.lockedPages === 0) return undefined;
    return shows(path, () => withPins(hostText(path, pid), mm));
  }

  /** What the host says of our descriptor, and what the file itself adds. */
  #info(n: Call, path: string, [, name, thread, fd]: RegExpExecArray): OpenFile | undefined {
    const pid = this.#number(n, name);
    const tid = Number(thread ?? (name === 'thread-self' ? n.tid : pid));
    const lines = this.#calls.find(tid, Number(fd))?.facet(FDINFO);
    return lines === undefined ? undefined : shows(path, () => `${hostText(path, pid)}${lines}`);
  }

  /** The process that a directory of /proc is. */
  #number(n: Call, name: string | undefined): number {
    return name === 'self' || name === 'thread-self' ? threadGroup(n.tid) : Number(name);
  }

  /** The path of a call, if it is short. */
  #read(n: Call, argument: number): string | undefined {
    const bytes = this.#path;
    const got = copyRemote(n.tid, n.address(argument), bytes, LONGEST, false);
    const end = got > 0 ? bytes.subarray(0, got).indexOf(0) : -1;
    return end < 0 ? undefined : String.fromCharCode(...bytes.subarray(0, end));
  }
}

/** A file of /proc that is read. */
function shows(path: string, show: () => string): OpenFile {
  return new OpenFile(new AttributeFile(path, { show }, false), ATTRIBUTE_TABLE);
}

/** What the host's /proc says. @param pid the process that `self` is */
function hostText(path: string, pid: number): string {
  return readFileSync(path.replace(/thread-self|self/, `${pid}`), 'latin1');
}

/** What proc(5) says of a process, with the pages that this kernel pinned added. */
function withPins(status: string, mm: Mm): string {
  const add = (text: string, name: string, pages: number): string =>
    text.replace(
      new RegExp(`^(${name}:\\t) *(\\d+) kB$`, 'm'),
      (_, label: string, size: string) => `${label}${String(Number(size) + pages * KILOBYTES).padStart(8)} kB`,
    );
  return add(add(status, 'VmLck', mm.lockedPages), 'VmPin', mm.pinnedPages);
}
