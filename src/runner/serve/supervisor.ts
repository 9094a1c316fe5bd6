/**
 * The serving loop: one poll over the listener, a wake-up descriptor, and everything that can end (open files,
 * processes). What ended is dealt with before the next call is taken, so that a release is ordered as in a kernel.
 */

import { Errno } from '../../abi/errno.js';
import type { BootedMachine } from '../../boot.js';
import { addressOf, check, errno, libc } from '../host/libc.js';
import { Notification } from '../host/notification.js';
import type { StreamPipe } from '../host/stream-pipe.js';
import { hostArchitecture, type SyscallName } from '../host/syscalls.js';
import { FileCalls } from './file-calls.js';
import { HostFiles } from './host-files.js';
import { PathCalls } from './path-calls.js';
import { PathLookup } from './path-lookup.js';
import type { Served } from './served.js';
import { type RemoteProcess, Tasks } from './tasks.js';

const POLLIN = 1;
const POLLHUP = 0x10;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLERR = 8;
const EINTR = 4;
const EIO = 5;

interface Handler {
  readonly name: SyscallName;
  readonly run: (notification: Notification) => Served;
}

export interface SupervisorOptions {
  readonly listener: number;
  /** An eventfd: readable when onWake should run. */
  readonly wake: number;
  /** Directory of this run. */
  readonly directory: string;
  readonly onWake: () => void;
  /** Nothing is waiting: time for what is not urgent. */
  readonly onIdle: (() => void) | undefined;
  /** Something broke in the runner itself. */
  readonly onBug: (error: unknown) => void;
}

export class Supervisor {
  readonly #machine: BootedMachine;
  readonly #options: SupervisorOptions;
  readonly #notification: Notification;
  readonly #files = new HostFiles();
  readonly #tasks: Tasks;
  readonly #paths: PathCalls;
  /** Which paths are the virtual kernel's; to be refreshed when devices come and go. */
  readonly paths: PathLookup;
  readonly #handlers: (Handler | undefined)[] = [];
  readonly #epoll = check(libc.epoll_create1(EPOLL_CLOEXEC), 'epoll_create1');
  /** Processes by pidfd. */
  readonly #pidfds = new Map<number, RemoteProcess>();
  /** Record streams by their write end: the last close of the program's end is an error there. */
  readonly #streams = new Map<number, StreamPipe>();
  /** Calls that were served, not counting those left to the host. */
  served = 0;

  constructor(machine: BootedMachine, options: SupervisorOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#notification = new Notification(options.listener);
    this.#tasks = new Tasks((process) => {
      this.#pidfds.set(process.pidfd, process);
      this.#watch(process.pidfd);
    });
    this.#watch(this.#files.inotify);
    const calls = new FileCalls(machine.kernel, this.#files, this.#tasks, (pipe) => {
      this.#streams.set(pipe.writeEnd, pipe);
      this.#watch(pipe.writeEnd, EPOLLERR);
    });
    this.paths = new PathLookup(machine.kernel.fs, `${options.directory}/root`);
    this.#paths = new PathCalls(
      machine.kernel,
      this.paths,
      (n, file, flags) => calls.open(n, file, flags),
      (tid, fd) => calls.find(tid, fd)?.name,
    );
    this.#register(this.#paths.handlers());
    this.#register(calls.handlers());
    this.#wrapStat('newfstatat', calls);
    this.#wrapStat('statx', calls);
    const exec = (n: Notification): Served => {
      this.#tasks.beginExec(n.tid);
      return 'host';
    };
    this.#register({ execve: exec, execveat: exec });
  }

  /** Serves until no process is left under the filter. */
  run(): void {
    const polls = new DataView(new ArrayBuffer(24));
    const pollAddress = addressOf(polls);
    [this.#options.listener, this.#options.wake, this.#epoll].forEach((fd, i) => {
      polls.setInt32(i * 8, fd, true);
      polls.setInt16(i * 8 + 4, POLLIN, true);
    });
    const { onIdle } = this.#options;
    for (;;) {
      this.#machine.poll();
      const rest = this.#machine.pollers.wait();
      const deadline = this.#machine.nextDeadline();
      let ready = onIdle || rest === 0 ? libc.poll(pollAddress, 3, 0) : 0;
      if (ready === 0 && rest === 0) libc.sched_yield();
      else if (ready === 0) {
        onIdle?.();
        ready = libc.poll(pollAddress, 3, this.#timeUntil(deadline, rest));
      }
      if (ready < 0 && errno() !== EINTR) throw new Error(`poll: ${libc.strerror(errno())}`);
      if (deadline !== undefined && deadline <= this.#machine.now()) this.#machine.tick();
      if (ready <= 0) continue;
      if (polls.getInt16(22, true) !== 0) this.#endings();
      if (polls.getInt16(14, true) !== 0) this.#options.onWake();
      const listener = polls.getInt16(6, true);
      if (listener & POLLIN) {
        if (this.#notification.receive()) this.#serve();
      } else if (listener & POLLHUP) {
        this.#endings();
        return;
      }
    }
  }

  /** As poll takes it: milliseconds, -1 for ever. @param rest until registers are looked at again */
  #timeUntil(deadline: number | undefined, rest: number | undefined): number {
    if (deadline === undefined) return rest ?? -1;
    const left = Math.max(0, Math.ceil(deadline - this.#machine.now()));
    return rest === undefined ? left : Math.min(left, rest);
  }

  #serve(): void {
    const n = this.#notification;
    const handler = this.#handlers[n.nr];
    if (!handler) {
      n.proceed();
      return;
    }
    this.#paths.current = undefined;
    let result: Served;
    let refused: Errno | undefined;
    try {
      result = handler.run(n);
    } catch (error) {
      if (error instanceof Errno) {
        refused = error;
        result = -error.errno;
      } else {
        // A caller that was killed meanwhile is no bug: its memory and its /proc files are gone.
        if (n.valid()) this.#options.onBug(error);
        result = -EIO;
      }
    }
    if (result === 'host') {
      n.proceed();
      return;
    }
    this.served++;
    if (this.#paths.current !== undefined) this.#report(n, handler.name, this.#paths.current, result, refused);
    if (result !== 'done') n.answer(result);
  }

  /** Calls on descriptors are reported by the kernel; calls on paths here. */
  #report(n: Notification, call: string, file: string, result: Served, error: Errno | undefined): void {
    this.#machine.kernel.report({
      pid: n.tid,
      tid: n.tid,
      call,
      file,
      result: result === 'done' ? n.added : Math.max(-1, Number(result)),
      ...(error && { error }),
    });
  }

  /** Open files and processes that ended. */
  #endings(): void {
    const events = new DataView(new ArrayBuffer(EPOLL_EVENT * 64));
    const count = libc.epoll_wait(this.#epoll, addressOf(events), 64, 0);
    for (let i = 0; i < count; i++) {
      const fd = events.getInt32(i * EPOLL_EVENT + EPOLL_DATA, true);
      const stream = this.#streams.get(fd);
      if (stream) {
        this.#streams.delete(fd);
        stream.close();
      }
      const process = this.#pidfds.get(fd);
      if (process) {
        this.#pidfds.delete(fd);
        this.#tasks.ended(process);
      }
    }
    this.#files.drain();
  }

  #watch(fd: number, events = EPOLLIN): void {
    const event = new DataView(new ArrayBuffer(16));
    event.setUint32(0, events, true);
    event.setInt32(EPOLL_DATA, fd, true);
    check(libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, addressOf(event)), 'epoll_ctl');
  }

  #register(handlers: Partial<Record<SyscallName, (notification: Notification) => Served>>): void {
    const { numbers } = hostArchitecture();
    for (const [name, run] of Object.entries(handlers) as [SyscallName, Handler['run']][]) {
      const nr = numbers[name];
      if (nr !== undefined) this.#handlers[nr] = { name, run };
    }
  }

  /** newfstatat and statx serve paths and, with an empty path, descriptors. */
  #wrapStat(name: 'newfstatat' | 'statx', calls: FileCalls): void {
    const nr = hostArchitecture().numbers[name];
    const byPath = nr === undefined ? undefined : this.#handlers[nr]?.run;
    if (!byPath) return;
    this.#register({
      [name]: (n: Notification) => {
        const served = calls.emptyPathStat(n, name);
        return served === 'host' ? byPath(n) : served;
      },
    });
  }
}

/** Offset of the data in struct epoll_event: it is packed on x86-64 only. */
const EPOLL_DATA = process.arch === 'x64' ? 4 : 8;
/** Size of struct epoll_event, bytes. */
const EPOLL_EVENT = EPOLL_DATA + 8;
