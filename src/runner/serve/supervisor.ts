/**
 * The serving loop. What ended (open files, processes) is dealt with before the next call is served, so that a release is
 * ordered as in a kernel; what a call changed is shown before its caller goes on.
 */

import { Errno } from '../../abi/errno.js';
import type { BootedMachine } from '../../boot.js';
import type { Holder } from '../../inspect/processes.js';
import type { OpenFile } from '../../kernel/file/open-file.js';
import { CopyCalls } from '../driven/copies.js';
import { DrivenFiles } from '../driven/driven-files.js';
import { StreamCalls } from '../driven/stream-calls.js';
import { Followers } from '../follow/followers.js';
import { libc } from '../host/libc.js';
import { hostLimit } from '../host/limits.js';
import { Held } from '../live/gate.js';
import { HeldCalls } from '../live/held-calls.js';
import type { Live } from '../live/live.js';
import { PathCalls } from '../path-calls/calls.js';
import type { Call, Served } from '../seccomp/call.js';
import { CallTable } from './call-table.js';
import { Endings } from './endings.js';
import { FileCalls } from './file-calls.js';
import { FileGiver } from './file-giver.js';
import { FileIndex } from './file-index.js';
import { filesOf, holdersOf } from './holders.js';
import { HostFiles } from './host-files.js';
import { HostKvm } from './host-kvm.js';
import { Intake, NOTHING, type Ready } from './intake.js';
import { ProcFiles } from './proc-files.js';
import { type RemoteProcess, Tasks } from './tasks.js';

/** How soon a call that waits for its file notices a signal, milliseconds; and a stop of a thread that is followed. */
const SIGNAL_LOOK = 10;
const EIO = 5;

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
  /** A process that is followed ended or was stopped: its status, as wait(2) has it. */
  readonly onStatus: (pid: number, status: number) => void;
  /** A limit of the host is reached: what the user should know. */
  readonly onLimit: (sentence: string) => void;
}

export class Supervisor {
  readonly #machine: BootedMachine;
  readonly #options: SupervisorOptions;
  readonly #intake: Intake;
  readonly #index = new FileIndex();
  readonly #files: HostFiles;
  readonly #driven: DrivenFiles;
  readonly #tasks: Tasks;
  readonly #paths: PathCalls;
  readonly #table = new CallTable();
  readonly #endings = new Endings();
  readonly #followers: Followers;
  /** Processes by pidfd. */
  readonly #pidfds = new Map<number, RemoteProcess>();
  readonly #held = new HeldCalls();
  /** Calls that were held, and are to be served now. */
  readonly #passing = new Set<Call>();
  /** Those who look at the run. */
  live: Live | undefined;
  /** Calls that were served, not counting those left to the host. */
  served = 0;

  constructor(machine: BootedMachine, options: SupervisorOptions) {
    this.#machine = machine;
    this.#options = options;
    this.#intake = new Intake(options.onFirst);
    const { kernel } = machine;
    this.#files = new HostFiles(this.#index, kernel);
    this.#driven = new DrivenFiles(this.#index, kernel);
    this.#tasks = new Tasks(kernel, (process) => {
      this.#pidfds.set(process.pidfd, process);
      this.#endings.watch(process.pidfd);
    });
    this.#endings.watch(this.#files.inotify);
    const { firstDriven } = options;
    const [tasks, index, files, driven] = [this.#tasks, this.#index, this.#files, this.#driven];
    const watchEnd = (writeEnd: number): void => this.#endings.watchEnd(writeEnd);
    const giver = new FileGiver({ kernel, tasks, files, driven, watchEnd, firstDriven });
    const calls = new FileCalls({ kernel, tasks, index, files, giver });
    const isCopy = (file: OpenFile, fd: number): boolean => fd < firstDriven && giver.isDriven(file);
    this.#followers = new Followers({
      serve: (call) => this.#intake.first([call]),
      isCopy: (tid, fd) => fd >= 0 && fd < firstDriven && calls.isDriven(tid, fd),
      hasCopies: (pid) => [...filesOf(pid, tasks, index)].some(([fd, file]) => isCopy(file, fd)),
      onStatus: options.onStatus,
    });
    this.#paths = new PathCalls(kernel, `${options.directory}/root`, {
      give: (n, file, flags) => {
        giver.give(n, file, flags, true);
        return 'done';
      },
      firstDriven,
      nameOf: (tid, fd) => calls.find(tid, fd)?.name,
    });
    const paths = this.#paths.handlers();
    this.#table.register({ ...paths, ...new ProcFiles(kernel, calls).before(paths) });
    this.#table.register(new CopyCalls(calls, this.#followers, firstDriven).before(paths));
    this.#table.register(ofFiles(machine, calls));
    this.#table.register(new StreamCalls(kernel, calls, driven).handlers());
    this.#wrapStat('fstat', calls);
    this.#wrapStat('newfstatat', calls);
    this.#wrapStat('statx', calls);
    const exec = (n: Call): Served => {
      tasks.beginExec(n.tid);
      if (calls.strays.any) calls.strays.forget(tasks.pidOf(n.tid));
      return 'host';
    };
    this.#table.register({ execve: exec, execveat: exec });
  }

  /** Serves the calls of this seccomp listener from now on. */
  listen(listener: number): void {
    this.#intake.listen(listener, this.#endings.epoll);
  }

  /**
   * Serves until no process is left under the filter, or Node's event loop has something to do.
   * @throws what makes it impossible to go on
   */
  serve(): 'ended' | 'events' {
    for (;;) {
      const { call, over, events, endings } = this.#wait();
      if (this.#followers.any) this.#followers.look();
      if (endings) this.#ended();
      else if (this.#files.inDoubt) this.#files.settle();
      if (call && this.#intake.receive()) continue;
      const next = this.#intake.next();
      if (next && this.#serve(next)) this.#intake.done(next);
      if (events) return 'events';
      if (over && !next) {
        this.#ended();
        return 'ended';
      }
    }
  }

  /** Driven files show what changed, and calls that waited for it go on. */
  #show(): void {
    if (this.#driven.any || this.#driven.anyWaits) this.#intake.done(...this.#driven.look());
  }

  /** Lets held calls go on: the oldest, or all. */
  release(all: boolean): void {
    const { serve, done } = this.#held.release(all);
    this.#intake.done(...done);
    for (const notification of serve) this.#passing.add(notification);
    this.#intake.first(serve);
  }

  /** Is the thread followed? How its process ends is told by onStatus then. */
  follows(tid: number): boolean {
    return this.#followers.follows(tid);
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
    const deadline = this.live?.stands ? undefined : this.#machine.nextDeadline();
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
    if (this.#driven.anyWaits || this.#followers.any) left = Math.min(left, SIGNAL_LOOK);
    if (this.#files.inDoubt) left = Math.min(left, 1);
    return left === Number.POSITIVE_INFINITY ? -1 : left;
  }

  /** Serves a call. Returns false if it is answered later. */
  #serve(n: Call): boolean {
    const handler = this.#table.at(n.nr);
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
    // Who polls next sees what the call did.
    this.#show();
    n.answer(result);
    return true;
  }

  /** Something broke while a call was served. Returns the call's errno. */
  #broken(n: Call, error: unknown): number {
    const limit = hostLimit(error);
    if (limit) this.#options.onLimit(limit.sentence);
    // A caller that was killed meanwhile is no bug: its memory and its /proc files are gone.
    else if (n.valid()) this.#options.onBug(error);
    return limit?.errno ?? EIO;
  }

  /** Calls on descriptors are reported by the kernel; calls on paths here. */
  #report(n: Call, call: string, file: string, result: Served, error: Errno | undefined): void {
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
  #ended(): void {
    for (const fd of this.#endings.look()) {
      this.#driven.closed(fd);
      const process = this.#pidfds.get(fd);
      if (process) {
        this.#pidfds.delete(fd);
        this.#tasks.ended(process);
      }
    }
    this.#files.drain();
  }

  /** fstat, and newfstatat and statx with an empty path, are about descriptors; of directories too. */
  #wrapStat(name: 'fstat' | 'newfstatat' | 'statx', calls: FileCalls): void {
    this.#table.wrap(name, (before) => (n) => {
      if (name !== 'fstat' && !calls.isEmptyPath(n, name)) return before(n);
      const served = this.#paths.fstat(n, name);
      if (served !== 'host') return served;
      return name === 'fstat' ? before(n) : calls.emptyPathStat(n, name);
    });
  }
}

/** The handlers of calls on files; VMs of the host's KVM come first. */
function ofFiles({ kernel, kvm }: BootedMachine, calls: FileCalls): ReturnType<FileCalls['handlers']> {
  return kvm.ofHost ? new HostKvm(kernel, kvm, calls).before(calls.handlers()) : calls.handlers();
}
