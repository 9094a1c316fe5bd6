/**
 * Threads that are followed (ptrace(2)) because a copy of a driven descriptor has a low number, at which the filter hands
 * over no read and no write: a shell's `echo 1 > attribute`, a program's dup2() of a queue. The calls on the copy stop
 * here and are served as on any driven descriptor. What a followed thread starts is followed too; when a process has no
 * such copy left, it is let go.
 */
import { readdirSync } from 'node:fs';
import { threadGroup } from '../host/procfs.js';
import type { Call } from '../seccomp/call.js';
import { hostArchitecture, numberOf, type SyscallName } from '../seccomp/syscalls.js';
import { TracedCall } from './traced-call.js';
import { NextStop, type Stop, standsStill, Tracee } from './tracee.js';

const numbersOf = (...names: SyscallName[]): ReadonlySet<number> =>
  new Set(names.flatMap((name) => hostArchitecture().numbers[name] ?? []));
/** Calls that a copy makes others than its file does. */
const SERVED = numbersOf('read', 'write', 'readv', 'writev');
/** Calls after which a copy may be gone. */
const ENDING = numbersOf('close', 'dup2', 'dup3', 'close_range');
const CLOSE = numberOf('close');
const CLOSE_RANGE = numberOf('close_range');
/** How often one looks for the next stop after one: a thread that goes on stops again within microseconds. */
const LOOKS = 40;
/** Most stops that are dealt with before the calls that the filter hands over have their turn. */
const MOST_STOPS = 64;

interface Followed {
  readonly tracee: Tracee;
  /** The process that it is a thread of. */
  readonly pid: number;
  /** It is in a call: which; and the result, if it was served here. `ends`: a copy may be gone behind it */
  inCall: { readonly nr: number; readonly result?: number; readonly ends?: boolean } | undefined;
}

export interface FollowersOptions {
  /** Serves a call on a low number; it is answered then or later. */
  readonly serve: (call: TracedCall) => void;
  /** Is what a thread has at this number a copy of a driven descriptor? */
  readonly isCopy: (tid: number, fd: number) => boolean;
  /** Has a process such a copy? */
  readonly hasCopies: (pid: number) => boolean;
  /** A followed process, or a child of ours, ended or was stopped: its status, as wait(2) has it, which tells it once. */
  readonly onStatus: (pid: number, status: number) => void;
}

export class Followers {
  readonly #options: FollowersOptions;
  readonly #threads = new Map<number, Followed>();
  readonly #nextStop = new NextStop();

  constructor(options: FollowersOptions) {
    this.#options = options;
  }

  get any(): boolean {
    return this.#threads.size > 0;
  }

  follows(tid: number): boolean {
    return this.#threads.has(tid);
  }

  /**
   * Lets the host make a call that gives a copy, and follows the caller and the other threads of its process from then on.
   * @returns false if the host lets us follow nobody: the call still waits
   */
  begin(n: Call): boolean {
    if (this.#threads.has(n.tid)) return false;
    const tracee = new Tracee(n.tid);
    if (!tracee.seize(true)) return false;
    const pid = threadGroup(n.tid);
    this.#threads.set(n.tid, { tracee, pid, inCall: undefined });
    n.proceed();
    const stop = tracee.wait();
    if (stop) this.#take(n.tid, stop);
    for (const tid of readdirSync(`/proc/${pid}/task`).map(Number)) {
      const other = new Tracee(tid);
      if (!this.#threads.has(tid) && other.seize(true))
        this.#threads.set(tid, { tracee: other, pid, inCall: undefined });
    }
    return true;
  }

  /** Serves the threads that stand still: as many looks as there are stops, however many threads are followed. */
  look(): void {
    const next = this.#nextStop;
    let stops = 0;
    for (let looks = 0; stops < MOST_STOPS && this.any && (looks === 0 || (stops > 0 && looks < LOOKS)); looks++) {
      if (!next.take()) continue;
      stops++;
      looks = 0;
      this.#told(next.tid, next.status);
    }
  }

  /** Something was told of a thread: of a new one perhaps before the one that started it says so. */
  #told(tid: number, status: number): void {
    // Only threads that are traced stand still; a child that we do not trace ended.
    if (!this.#threads.has(tid) && standsStill(status)) this.#born(tid);
    const followed = this.#threads.get(tid);
    if (followed) this.#take(tid, followed.tracee.stop(status));
    else this.#options.onStatus(tid, status);
  }

  #take(tid: number, stop: Stop): void {
    const followed = this.#threads.get(tid);
    if (!followed) return;
    const { tracee, pid } = followed;
    switch (stop.kind) {
      case 'ended':
        this.#threads.delete(tid);
        if (tid === pid) this.#options.onStatus(pid, stop.status);
        return;
      case 'syscall':
        if (followed.inCall) this.#leaves(followed);
        else this.#enters(followed);
        return;
      case 'signal':
        tracee.goOn(stop.signal);
        return;
      case 'group':
        tracee.listen();
        if (tid === pid) this.#options.onStatus(pid, (stop.signal << 8) | 0x7f);
        return;
      case 'born':
        this.#born(stop.tid);
        tracee.goOn();
        return;
      case 'exec':
        if (stop.tid !== tid) this.#threads.delete(stop.tid);
        // Whatever its first thread was in: what is left now is the end of execve.
        followed.inCall = { nr: -1 };
        this.#settle(followed);
        return;
      case 'trap':
        this.#settle(followed);
    }
  }

  #born(tid: number): void {
    if (this.#threads.has(tid)) return;
    this.#threads.set(tid, { tracee: new Tracee(tid), pid: threadGroup(tid), inCall: undefined });
  }

  #enters(followed: Followed): void {
    const { tracee } = followed;
    if (!tracee.look()) return;
    const { nr } = tracee;
    const fd = Number(BigInt.asIntN(32, tracee.argument(0)));
    const inCall = { nr, ends: this.#ends(tracee, fd) };
    followed.inCall = inCall;
    if (!SERVED.has(nr) || !this.#options.isCopy(tracee.tid, fd)) {
      tracee.goOn();
      return;
    }
    this.#options.serve(
      new TracedCall(tracee, (result) => {
        // Ended by another thread's execve: its number is another one's.
        if (followed.inCall !== inCall) return;
        if (result !== undefined && tracee.look()) {
          followed.inCall = { nr, result };
          tracee.skip();
        }
        tracee.goOn();
      }),
    );
  }

  /** May the call that a thread enters end a copy? */
  #ends(tracee: Tracee, fd: number): boolean {
    if (!ENDING.has(tracee.nr)) return false;
    if (tracee.nr === CLOSE) return this.#options.isCopy(tracee.tid, fd);
    if (tracee.nr === CLOSE_RANGE) return true;
    return this.#options.isCopy(tracee.tid, Number(BigInt.asIntN(32, tracee.argument(1))));
  }

  #leaves(followed: Followed): void {
    const { tracee, inCall } = followed;
    followed.inCall = undefined;
    if (inCall?.result !== undefined) tracee.result(inCall.nr, inCall.result);
    if (inCall?.ends) this.#settle(followed);
    else tracee.goOn();
  }

  /** Goes on following, or lets go of the whole process if no copy is left. */
  #settle({ tracee, pid }: Followed): void {
    if (this.#options.hasCopies(pid)) {
      tracee.goOn();
      return;
    }
    this.#threads.delete(tracee.tid);
    tracee.leave();
    // The others stop when they are told to, and find that out for themselves.
    for (const each of this.#threads.values()) if (each.pid === pid) each.tracee.interrupt();
  }
}
