/**
 * The program of a run, as a shell sees it: started under the filter, told of the signals that this process gets, stopped
 * and continued with it, and waited for. It is a child in the process group of this process, so that job control and the
 * terminal are as without us.
 */
import { closeSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { addressOf, check, libc } from './host/libc.js';
import { CHECK, seeCheck } from './host/limits.js';
import { PoolThread } from './host/pool-thread.js';
import { fateOf, withDescendants } from './host/procfs.js';
import { spawn } from './host/spawn.js';
import { type Inheritance, passOn } from './inheritance.js';
import { numberOf } from './seccomp/syscalls.js';

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const FLAG_NEW_LISTENER = 1 << 3;
const FLAG_WAIT_KILLABLE_RECV = 1 << 5;
const O_CLOEXEC = 0o2000000;
const EINVAL = 22;
const ENOENT = 2;
const WNOHANG = 1;
const WUNTRACED = 2;
const SIG_DFL = 0;
const SIG_IGN = 1;
/** Exit statuses as env(1) has them. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

const { SIGCHLD, SIGCONT, SIGKILL, SIGPIPE, SIGXFSZ } = constants.signals;
/** Signals that go on to the program. */
const FORWARDED = [
  ...(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const),
  ...(['SIGTSTP', 'SIGTTIN', 'SIGTTOU'] as const),
] as const;
/** Exit status after a signal: this and its number, as a shell has it. */
export const SIGNALLED = 128;
/** Signals that end a run whose program has ended, but not all that it started. */
const END = new Set<string>(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']);
/** From a terminal these reach the program by themselves. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']);
/** Node ignores these two. */
const OF_NODE = [SIGPIPE, SIGXFSZ];

const has = (signals: bigint, signal: number): boolean => ((signals >> BigInt(signal - 1)) & 1n) === 1n;

export class Program {
  readonly #given: Inheritance;
  readonly #followed: (pid: number) => boolean;
  readonly #thread = new PoolThread();
  readonly #status = new DataView(new ArrayBuffer(8));
  #pid: number | undefined;
  /** Signals that came before it was started. */
  #early: number[] = [];
  /** A signal that is to end the run, and meant nothing to the program if it ends in another way than by it. */
  #pending: number | undefined;
  /** Told of a signal that is to end the run, after the program ended. */
  onEnd: ((signal: number) => void) | undefined;
  /** Exit status of a shell, once it is known. */
  status: number | undefined;
  /** It could not be started: why. */
  problem: number | undefined;

  /** @param followed is somebody else told how this process ends, and when it stops? heard() then */
  constructor(given: Inheritance, followed: (pid: number) => boolean) {
    this.#given = given;
    this.#followed = followed;
  }

  /**
   * Puts the thread that will start the program under a filter.
   * @returns the listener
   * @throws LibcError
   */
  async install(filter: Uint8Array): Promise<number> {
    const privileges = await this.#thread.call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (privileges.result < 0) throw new Error(`prctl(PR_SET_NO_NEW_PRIVS): ${libc.strerror(privileges.errno)}`);
    const program = new DataView(new ArrayBuffer(16));
    program.setUint16(0, filter.length / 8, true);
    program.setBigUint64(8, BigInt(addressOf(filter)), true);
    const install = (flags: number) =>
      this.#thread.call(
        libc.syscall,
        ...([numberOf('seccomp'), SECCOMP_SET_MODE_FILTER, flags, addressOf(program), 0, 0] as const),
      );
    let { result, errno } = await install(FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE_RECV);
    if (result < 0 && errno === EINVAL) ({ result, errno } = await install(FLAG_NEW_LISTENER));
    if (result < 0) {
      const why = libc.strerror(errno);
      throw new Error(`cannot install a seccomp listener: ${why}; ${seeCheck(CHECK.listener)}`);
    }
    return result;
  }

  /** Starts it. Its calls must be served meanwhile. @param file, args one character a byte */
  async start(file: string, args: readonly string[]): Promise<void> {
    const { environment, blocked, ignored, descriptors } = this.#given;
    this.#inheritSignals();
    this.#forward();
    passOn(descriptors);
    const started = await spawn({ file, args, environment, ignored, blocked }, (call, ...values) =>
      this.#thread.call(call, ...values),
    );
    await this.#thread.leave();
    this.#watch();
    this.#letGo();
    if (started > 0) this.#pid = started;
    else {
      this.problem = -started;
      this.status = this.problem === ENOENT ? NOT_FOUND : CANNOT_RUN;
    }
    for (const signal of this.#early.splice(0)) this.#send(signal);
    this.look();
  }

  /** What the shell ignores is ignored here too, and so by the program. */
  #inheritSignals(): void {
    const { ignored } = this.#given;
    for (let signal = 1; signal <= 64; signal++) if (has(ignored, signal)) libc.signal(signal, SIG_IGN);
    for (const signal of OF_NODE) libc.signal(signal, SIG_IGN);
  }

  /** What the program has got is its own: a pipe ends when the program closes it. */
  #letGo(): void {
    for (const fd of this.#given.descriptors) if (fd > 2) libc.close(fd);
    const nothing = openSync('/dev/null', 'r+');
    for (const fd of [0, 1]) libc.dup3(nothing, fd, O_CLOEXEC);
    closeSync(nothing);
  }

  #forward(): void {
    const terminal = isatty(0) || isatty(1) || isatty(2);
    for (const signal of FORWARDED) {
      if (has(this.#given.ignored, constants.signals[signal])) continue;
      process.on(signal, () => {
        // A signal to a program that has ended, and is not known to have, would be lost.
        this.look();
        if (this.status !== undefined && END.has(signal)) this.onEnd?.(constants.signals[signal]);
        else if (!(terminal && FROM_TERMINAL.has(signal))) this.#pass(signal);
      });
    }
    process.on('SIGCONT', () => this.#send(SIGCONT));
  }

  /** Only now: if the shell ignores it, the program was to inherit that. */
  #watch(): void {
    libc.signal(SIGCHLD, SIG_DFL);
    process.on('SIGCHLD', () => this.look());
  }

  /** Passes a signal on. One that meets a program on its way out is lost on it, and ends what it left behind. */
  #pass(name: NodeJS.Signals): void {
    const signal = constants.signals[name];
    if (END.has(name) && this.#pid !== undefined && this.status === undefined)
      this.#pending = fateOf(this.#pid, signal) === 'taken' ? undefined : signal;
    this.#send(signal);
  }

  #send(signal: number): void {
    if (this.#pid === undefined) this.#early.push(signal);
    else if (this.status === undefined) libc.kill(this.#pid, signal);
  }

  /** Did it end, or stop? A shell that watches us sees the same of us. */
  look(): void {
    while (this.#pid !== undefined && this.status === undefined && !this.#followed(this.#pid)) {
      const found = libc.waitpid(this.#pid, addressOf(this.#status), WNOHANG | WUNTRACED);
      if (found !== this.#pid) return;
      this.heard(found, this.#status.getInt32(0, true));
    }
  }

  /** A process ended, or stopped. @param word its status, as waitpid(2) has it */
  heard(pid: number, word: number): void {
    if (pid !== this.#pid) return;
    if ((word & 0xff) === 0x7f) this.#stopToo((word >> 8) & 0xff);
    else this.#ended(word);
  }

  #ended(word: number): void {
    const by = word & 0x7f;
    this.status = by === 0 ? (word >> 8) & 0xff : SIGNALLED + by;
    if (this.#pending !== undefined && this.#pending !== by) this.onEnd?.(this.#pending);
  }

  #stopToo(signal: number): void {
    const handler = libc.signal(signal, SIG_DFL);
    libc.kill(process.pid, signal);
    libc.signal(signal, handler);
  }

  /** Waits for its end: nobody is left under the filter. Returns the exit status, as a shell has it. */
  wait(): number {
    if (this.status === undefined && this.#pid !== undefined) {
      check(libc.waitpid(this.#pid, addressOf(this.#status), 0), 'waitpid');
      this.#ended(this.#status.getInt32(0, true));
    }
    return this.status ?? CANNOT_RUN;
  }

  /** Ends it and what it started: the calls that they make are no longer served. */
  kill(): void {
    if (this.#pid === undefined || this.status !== undefined) this.#send(SIGKILL);
    else for (const pid of withDescendants(this.#pid)) libc.kill(pid, SIGKILL);
  }
}
