/**
 * The serving loop. What ended (open files, processes) is dealt with before the next call is served, so that a release is
 * ordered as in a kernel; what a call changed is shown before its caller goes on.
 */

import { Errno } from '../../abi/errno.js';
import type { BootedMachine } from '../../boot.js';
import type { Holder } from '../../inspect/processes.js';
import { DrivenFiles } from '../driven/driven-files.js';
import { StreamCalls } from '../driven/stream-calls.js';
import { addressOf, check, libc } from '../host/libc.js';
import { hostLimit } from '../host/limits.js';
import { Held } from '../live/gate.js';
import type { Live } from '../live/live.js';
import { PathCalls } from '../path-calls/calls.js';
import type { Notification } from '../seccomp/notification.js';
import { hostArchitecture, type SyscallName } from '../seccomp/syscalls.js';
import { FileCalls } from './file-calls.js';
import { FileIndex } from './file-index.js';
import { HeldCalls } from './held-calls.js';
import { holdersOf } from './holders.js';
import { HostFiles } from './host-files.js';
import { HostKvm } from './host-kvm.js';
import { Intake, NOTHING, type Ready } from './intake.js';
import { ProcFiles } from './proc-files.js';
import type { Served } from './served.js';
import { type RemoteProcess, Tasks } from './tasks.js';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLERR = 8;
/** How soon a call that waits for its file notices a signal, milliseconds. */
const SIGNAL_LOOK = 10;
const EIO = 5;

interface Handler {
  readonly name: SyscallName;
  readonly run: (notification: Notification) => Served;
}

export interface SupervisorOptions {
  /** Directory of this run. */
  readonly directory: string;
  /** Descriptors from this number on are driven (driven-files.ts). */
  readonly firstDriven: number;
  /** Told of the process that makes the first call: the program, before it is executed. */
  readonly onFirst: (pid: number) => void;
  /** Nothing is waiting: time for what is not urgent. */
  readonly onIdle: (() => void) | undefined;
  /** Something broke in the runner itself. */
  readonly onBug: (error: unknown) => void;
  /** A limit of the host is reached: what the user should know. */
  readonly onLimit: (sentence: string) => void;
}

export class Supervisor {
  readonly #machine: BootedMachine;
  readonly #options: SupervisorOptions;
  readonly #intake: Intake;
  readonly #index = new FileIndex();
  readonly #files = new HostFiles(this.#index);
  readonly #driven = new DrivenFiles(this.#index);
  readonly #tasks: Tasks;
  readonly #paths: PathCalls;
  readonly #handlers: (Handler | undefined)[] = [];
  readonly #epoll = check(libc.epoll_create1(EPOLL_CLOEXEC), 'epoll_create1');
  /** Processes by pidfd. */
  readonly #pidfds = new Map<number, RemoteProcess>();
  readonly #held = new HeldCalls();
  /** Calls that were held, and are to be served now. */
  readonly #passing = new Set<Notification>();
  /** Those who look at the run. */
  live: Live | undefined;
  /** Calls that were served, not counting those left to the host. */
  served = 0;

  constructor(machine: BootedMachine, options: SupervisorOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#intake = new Intake(options.onFirst);
    this.#tasks = new Tasks((process) => {
      this.#pidfds.set(process.pidfd, process);
      this.#watch(process.pidfd);
    });
    this.#watch(this.#files.inotify);
    const calls = new FileCalls({
      kernel: machine.kernel,
      tasks: this.#tasks,
      index: this.#index,
      files: this.#files,
      driven: this.#driven,
      watchEnd: (writeEnd) => this.#watch(writeEnd, EPOLLERR),
      firstDriven: options.firstDriven,
    });
    this.#paths = new PathCalls(machine.kernel, `${options.directory}/root`, {
      give: (n, file, flags) => {
        calls.give(n, file, flags, true);
        return 'done';
      },
      firstDriven: options.firstDriven,
      nameOf: (tid, fd) => calls.find(tid, fd)?.name,
    });
    const paths = this.#paths.handlers();
    this.#register({ ...paths, ...new ProcFiles(machine.kernel, calls).before(paths) });
    this.#register(ofFiles(machine, calls));
    this.#register(new StreamCalls(machine.kernel, calls, this.#driven).handlers());
    this.#wrapStat('fstat', calls);
    this.#wrapStat('newfstatat', calls);
    this.#wrapStat('statx', calls);
    const exec = (n: Notification): Served => {
      this.#tasks.beginExec(n.tid);
      return 'host';
    };
    this.#register({ execve: exec, execveat: exec });
  }

  /** Serves the calls of this seccomp listener from now on. */
  listen(listener: number): void {
    this.#intake.listen(listener, this.#epoll);
  }

  /**
   * Serves until no process is left under the filter, or Node's event loop has something to do.
   * @throws what makes it impossible to go on
   */
  serve(): 'ended' | 'events' {
    for (;;) {
      const { call, over, events, endings } = this.#wait();
      if (endings) this.#endings();
      else if (this.#files.inDoubt) this.#files.settle();
      if (call && this.#intake.receive()) continue;
      const next = this.#intake.next();
      if (next && this.#serve(next)) this.#intake.done(next);
      if (events) return 'events';
      if (over && !next) {
        this.#endings();
        return 'ended';
      }
    }
  }

  /** Driven files show what changed, and calls that waited for it go on. */
  #show(): void {
    if (this.#driven.any) this.#intake.done(...this.#driven.look());
  }

  /** Lets held calls go on: the oldest, or all. */
  release(all: boolean): void {
    const { serve, done } = this.#held.release(all);
    this.#intake.done(...done);
    for (const notification of serve) this.#passing.add(notification);
    this.#intake.first(serve);
  }

  /** The processes that made calls, with their virtual files. */
  holders(): Holder[] {
    return holdersOf(this.#tasks, this.#index);
  }

  /** Waits until there is something to do, unless a call waits. */
  #wait(): Ready {
    const { onIdle } = this.#options;
    const moved = this.#machine.poll();
    this.#show();
    const rest = this.#machine.pollers.wait();
    const deadline = this.#machine.nextDeadline();
    this.live?.idle();
    const busy = this.#intake.waiting || rest === 0;
    let ready = busy || onIdle ? this.#intake.poll(0) : NOTHING;
    if (ready === NOTHING && !busy) {
      onIdle?.();
      ready = this.#intake.poll(this.#timeUntil(deadline, rest));
    }
    // A device that works keeps the processor; one that is only looked at lets others have it.
    if (rest === 0 && ready === NOTHING && !moved) libc.sched_yield();
    if (deadline !== undefined && deadline <= this.#machine.now()) this.#machine.tick();
    return ready;
  }

  /** As poll takes it: milliseconds, -1 for ever. @param rest until registers are looked at again */
  #timeUntil(deadline: number | undefined, rest: number | undefined): number {
    let left =
      deadline === undefined ? Number.POSITIVE_INFINITY : Math.max(0, Math.ceil(deadline - this.#machine.now()));
    if (rest !== undefined) left = Math.min(left, rest);
    left = Math.min(left, this.live?.soon ?? left);
    if (this.#driven.anyWaits) left = Math.min(left, SIGNAL_LOOK);
    if (this.#files.inDoubt) left = Math.min(left, 1);
    return left === Number.POSITIVE_INFINITY ? -1 : left;
  }

  /** Serves a call. Returns false if it is answered later. */
  #serve(n: Notification): boolean {
    const handler = this.#handlers[n.nr];
    if (this.#files.inDoubt) this.#files.settle();
    if (!handler) {
      n.proceed();
      return true;
    }
    this.#paths.begin();
    let result: Served;
    let refused: Errno | undefined;
    const { live } = this;
    live?.gate.begin(this.#passing.delete(n));
    try {
      result = handler.run(n);
    } catch (error) {
      if (error instanceof Held && live) {
        this.#held.hold(n);
        live.hold(error.call);
        return false;
      }
      if (error instanceof Errno) refused = error;
      result = error instanceof Errno ? -error.errno : -this.#broken(n, error);
    }
    if (result === 'host') {
      n.proceed();
      return true;
    }
    this.served++;
    if (result === 'later') return false;
    if (this.#paths.current !== undefined) this.#report(n, handler.name, this.#paths.current, result, refused);
    if (result === 'done') return true;
    const stopped = live?.gate.end();
    if (stopped) {
      this.#held.hold(n, Number(result));
      live?.hold(stopped);
      return false;
    }
    n.answer(result);
    return true;
  }

  /** Something broke while a call was served. Returns the call's errno. */
  #broken(n: Notification, error: unknown): number {
    const limit = hostLimit(error);
    if (limit) this.#options.onLimit(limit.sentence);
    // A caller that was killed meanwhile is no bug: its memory and its /proc files are gone.
    else if (n.valid()) this.#options.onBug(error);
    return limit?.errno ?? EIO;
  }

  /** Calls on descriptors are reported by the kernel; calls on paths here. */
  #report(n: Notification, call: string, file: string, result: Served, error: Errno | undefined): void {
    if (!this.#machine.kernel.traced) return;
    this.#machine.kernel.report({
      pid: this.#tasks.pidOf(n.tid),
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
      this.#driven.closed(fd);
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

  /** fstat, and newfstatat and statx with an empty path, are about descriptors; of directories too. */
  #wrapStat(name: 'fstat' | 'newfstatat' | 'statx', calls: FileCalls): void {
    const nr = hostArchitecture().numbers[name];
    const before = nr === undefined ? undefined : this.#handlers[nr]?.run;
    if (!before) return;
    this.#register({
      [name]: (n: Notification) => {
        if (name !== 'fstat' && !calls.isEmptyPath(n, name)) return before(n);
        const served = this.#paths.fstat(n, name);
        if (served !== 'host') return served;
        return name === 'fstat' ? before(n) : calls.emptyPathStat(n, name);
      },
    });
  }
}

/** The handlers of calls on files; VMs of the host's KVM come first. */
function ofFiles({ kernel, kvm }: BootedMachine, calls: FileCalls): ReturnType<FileCalls['handlers']> {
  return kvm.ofHost ? new HostKvm(kernel, kvm, calls).before(calls.handlers()) : calls.handlers();
}

/** Offset of the data in struct epoll_event: it is packed on x86-64 only. */
const EPOLL_DATA = process.arch === 'x64' ? 4 : 8;
/** Size of struct epoll_event, bytes. */
const EPOLL_EVENT = EPOLL_DATA + 8;
