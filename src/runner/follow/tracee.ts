/**
 * A thread that this process traces (ptrace(2)): its stops, its registers, and system calls that it makes in our place.
 */
import { addressOf, libc } from '../host/libc.js';
import { copyRemote } from '../memory/remote-memory.js';
import { numberOf } from '../seccomp/syscalls.js';
import { Registers } from './registers.js';

/** Requests of linux/ptrace.h. */
const PTRACE = {
  SINGLESTEP: 9,
  DETACH: 17,
  SYSCALL: 24,
  GETEVENTMSG: 0x4201,
  SEIZE: 0x4206,
  INTERRUPT: 0x4207,
  LISTEN: 0x4208,
} as const;
/** PTRACE_O_TRACESYSGOOD, FORK, VFORK, CLONE, EXEC: what a thread starts is traced too. */
const OPTIONS = 1 | 2 | 4 | 8 | 0x10;
const WNOHANG = 1;
const WALL = 0x40000000;
const SIGTRAP = 5;
/** With TRACESYSGOOD a stop at a system call is told by it. */
const SYSCALL_STOP = SIGTRAP | 0x80;
const EVENT = { FORK: 1, VFORK: 2, CLONE: 3, EXEC: 4, STOP: 128 } as const;
const EACCES = 13;
/** Signals that may come in between; more would mean that the thread makes no progress. */
const MAX_STOPS = 64;

/** Why a thread stands still; or that it ended, with the status as wait(2) has it. */
export type Stop =
  | { readonly kind: 'ended'; readonly status: number }
  /** It enters or leaves a system call. */
  | { readonly kind: 'syscall' }
  /** It is to get a signal. */
  | { readonly kind: 'signal'; readonly signal: number }
  /** Its process is stopped, as by Ctrl-Z. */
  | { readonly kind: 'group'; readonly signal: number }
  /** It started a thread or a process. */
  | { readonly kind: 'born'; readonly tid: number }
  /** It executed another program. `tid`: its number before; now it is the first thread */
  | { readonly kind: 'exec'; readonly tid: number }
  /** It was interrupted, or it has just begun. */
  | { readonly kind: 'trap' };

/** Takes what wait(2) has to tell next: of any thread that is traced, and of the end of any child of ours. */
export class NextStop {
  readonly #status = new DataView(new ArrayBuffer(8));
  readonly #statusAddress = addressOf(this.#status);
  /** Of whom it was told. */
  tid = 0;

  /** Takes the next one, without waiting. Returns false if there is none. */
  take(): boolean {
    this.tid = libc.syscall(numberOf('wait4'), -1, this.#statusAddress, WALL | WNOHANG, 0, 0);
    return this.tid > 0;
  }

  /** Its status. */
  get status(): number {
    return this.#status.getInt32(0, true);
  }
}

/** Is this the status of a thread that stands still, and not of one that ended? */
export const standsStill = (status: number): boolean => (status & 0xff) === 0x7f;

export class Tracee {
  readonly tid: number;
  readonly #status = new DataView(new ArrayBuffer(8));
  readonly #statusAddress = addressOf(this.#status);
  readonly #registers: Registers;
  /** A signal that stopped the thread: it gets it when it goes on. */
  #signal = 0;

  constructor(tid: number) {
    this.tid = tid;
    this.#registers = new Registers(tid);
  }

  /**
   * Makes it stop, when it is next between two instructions.
   * @param follow tell of its system calls, and trace what it starts
   * @returns false if it cannot be traced: another debugger has it, or the host forbids it
   */
  seize(follow = false): boolean {
    if (libc.syscall(numberOf('ptrace'), PTRACE.SEIZE, this.tid, 0, follow ? OPTIONS : 0, 0) !== 0) return false;
    return this.interrupt();
  }

  interrupt(): boolean {
    return this.#ptrace(PTRACE.INTERRUPT, 0) === 0;
  }

  /** Waits until the thread stands still. Returns false if it ended. */
  stopped(): boolean {
    const stop = this.wait();
    if (stop === undefined || stop.kind === 'ended') return false;
    // A single step ends with SIGTRAP, which is nobody's signal.
    if (stop.kind === 'signal' && stop.signal !== SIGTRAP) this.#signal = stop.signal;
    return true;
  }

  /** Waits until it stands still, and tells how; undefined: it is gone. */
  wait(): Stop | undefined {
    const found = libc.syscall(numberOf('wait4'), this.tid, this.#statusAddress, WALL, 0, 0);
    return found === this.tid ? this.stop(this.#status.getInt32(0, true)) : undefined;
  }

  /** What the status of a stop means, as wait(2) has it. */
  stop(status: number): Stop {
    if (!standsStill(status)) return { kind: 'ended', status };
    const [signal, event] = [(status >> 8) & 0xff, status >> 16];
    if (event === EVENT.STOP) return signal === SIGTRAP ? { kind: 'trap' } : { kind: 'group', signal };
    if (event === EVENT.EXEC) return { kind: 'exec', tid: this.#message() };
    if (event !== 0) return { kind: 'born', tid: this.#message() };
    return signal === SYSCALL_STOP ? { kind: 'syscall' } : { kind: 'signal', signal };
  }

  /** It goes on, to its next system call or the end of this one. @param signal that it gets */
  goOn(signal = 0): void {
    this.#ptrace(PTRACE.SYSCALL, signal);
  }

  /** Its process stays stopped until it is continued. */
  listen(): void {
    this.#ptrace(PTRACE.LISTEN, 0);
  }

  /** It is traced no longer. */
  leave(signal = this.#signal): void {
    this.#ptrace(PTRACE.DETACH, signal);
  }

  /** Takes note of its registers. Returns false if it does not stand still. */
  look(): boolean {
    return this.#registers.load();
  }

  /** Number of the system call that it enters or leaves. */
  get nr(): number {
    return this.#registers.nr;
  }
  get instruction(): bigint {
    return this.#registers.instruction;
  }
  argument(index: number): bigint {
    return this.#registers.argument(index);
  }

  /** The call that it enters is not made. */
  skip(): void {
    this.#registers.nr = -1;
    this.#registers.store();
  }

  /** The call that it leaves had this result. @param nr which call that was: it may have to start again */
  result(nr: number, result: number): void {
    this.look();
    this.#registers.nr = nr;
    this.#registers.result = BigInt(result);
    this.#registers.store();
  }

  /** Executes a system call where the thread stands, behind one. Returns its result, or undefined if it ended. */
  call(number: number, argument: number): bigint | undefined {
    this.look();
    const registers = this.#registers;
    const [saved, behind] = [registers.save(), registers.instruction];
    const { callInstruction } = registers;
    const { length } = callInstruction;
    const code = new Uint8Array(new ArrayBuffer(length));
    const at = behind - BigInt(length);
    if (
      copyRemote(this.tid, at, code, length, false) !== length ||
      callInstruction.some((byte, i) => code[i] !== byte)
    ) {
      return BigInt(-EACCES);
    }
    registers.prepareCall(number, BigInt(argument));
    // No system call is to be restarted.
    registers.nr = -1;
    registers.instruction = at;
    registers.store();
    for (let stops = 0; stops < MAX_STOPS; stops++) {
      this.#ptrace(PTRACE.SINGLESTEP, 0);
      if (!this.stopped()) return undefined;
      this.look();
      if (registers.instruction === behind) break;
    }
    const { result } = registers;
    registers.restore(saved);
    registers.store();
    return result;
  }

  /** The thread goes on untraced, with this as the result of the call that it waits in. */
  finish(result: bigint): void {
    this.look();
    this.#registers.result = result;
    this.#registers.store();
    this.leave();
  }

  #message(): number {
    const message = new DataView(new ArrayBuffer(8));
    this.#ptrace(PTRACE.GETEVENTMSG, addressOf(message));
    return message.getUint32(0, true);
  }

  #ptrace(request: number, data: number): number {
    return libc.syscall(numberOf('ptrace'), request, this.tid, 0, data, 0);
  }
}
