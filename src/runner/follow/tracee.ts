/**
 * A thread that this process traces (ptrace(2)): its stops, its registers, and system calls that it makes in our place.
 * x86-64 only.
 */
import { addressOf, libc } from '../host/libc.js';
import { copyRemote } from '../memory/remote-memory.js';
import { numberOf } from '../seccomp/syscalls.js';

/** Requests of linux/ptrace.h. */
const PTRACE = {
  SINGLESTEP: 9,
  GETREGS: 12,
  SETREGS: 13,
  DETACH: 17,
  SYSCALL: 24,
  GETEVENTMSG: 0x4201,
  SEIZE: 0x4206,
  INTERRUPT: 0x4207,
  LISTEN: 0x4208,
} as const;
/** PTRACE_O_TRACESYSGOOD, FORK, VFORK, CLONE, EXEC: what a thread starts is traced too. */
const OPTIONS = 1 | 2 | 4 | 8 | 0x10;
/** Offsets in struct user_regs_struct of x86-64, and its size. */
const REGISTER = { rax: 80, rdi: 112, originalRax: 120, rip: 128 } as const;
/** Where the arguments of a system call are: rdi, rsi, rdx, r10, r8, r9. */
const ARGUMENTS = [112, 104, 96, 56, 72, 64];
const REGISTERS_SIZE = 216;
const WNOHANG = 1;
const WALL = 0x40000000;
const SIGTRAP = 5;
/** With TRACESYSGOOD a stop at a system call is told by it. */
const SYSCALL_STOP = SIGTRAP | 0x80;
const EVENT = { FORK: 1, VFORK: 2, CLONE: 3, EXEC: 4, STOP: 128 } as const;
/** The instruction `syscall`. */
const SYSCALL = [0x0f, 0x05];
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

/** Threads can be traced on this architecture. */
export const canTrace: boolean = process.arch === 'x64';

export class Tracee {
  readonly tid: number;
  readonly #status = new DataView(new ArrayBuffer(8));
  readonly #statusAddress = addressOf(this.#status);
  readonly #registers = new DataView(new ArrayBuffer(REGISTERS_SIZE));
  readonly #registersAddress = addressOf(this.#registers);
  /** A signal that stopped the thread: it gets it when it goes on. */
  #signal = 0;

  constructor(tid: number) {
    this.tid = tid;
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
    const stop = this.wait(true);
    if (stop === undefined || stop.kind === 'ended') return false;
    // A single step ends with SIGTRAP, which is nobody's signal.
    if (stop.kind === 'signal' && stop.signal !== SIGTRAP) this.#signal = stop.signal;
    return true;
  }

  /** How it stands. @param block wait until it stands still; undefined: it runs, or is gone */
  wait(block: boolean): Stop | undefined {
    const options = block ? WALL : WALL | WNOHANG;
    const found = libc.syscall(numberOf('wait4'), this.tid, this.#statusAddress, options, 0, 0);
    return found === this.tid ? this.#stop(this.#status.getInt32(0, true)) : undefined;
  }

  #stop(status: number): Stop {
    if ((status & 0xff) !== 0x7f) return { kind: 'ended', status };
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
    return this.#ptrace(PTRACE.GETREGS, this.#registersAddress) === 0;
  }

  /** Number of the system call that it enters or leaves. */
  get nr(): number {
    return this.#registers.getInt32(REGISTER.originalRax, true);
  }
  get instruction(): bigint {
    return this.#registers.getBigUint64(REGISTER.rip, true);
  }
  argument(index: number): bigint {
    return this.#registers.getBigUint64(ARGUMENTS[index] ?? 0, true);
  }

  /** The call that it enters is not made. */
  skip(): void {
    this.#set(REGISTER.originalRax, -1n);
    this.#put();
  }

  /** The call that it leaves had this result. @param nr which call that was: it may have to start again */
  result(nr: number, result: number): void {
    this.look();
    this.#set(REGISTER.originalRax, BigInt(nr));
    this.#set(REGISTER.rax, BigInt(result));
    this.#put();
  }

  /** Executes a system call where the thread stands, behind one. Returns its result, or undefined if it ended. */
  call(number: number, argument: number): bigint | undefined {
    this.look();
    const saved = new Uint8Array(this.#registers.buffer.slice(0));
    const rip = this.#registers.getBigUint64(REGISTER.rip, true);
    const code = new Uint8Array(new ArrayBuffer(2));
    if (copyRemote(this.tid, rip - 2n, code, 2, false) !== 2 || SYSCALL.some((byte, i) => code[i] !== byte)) {
      return BigInt(-EACCES);
    }
    this.#set(REGISTER.rax, BigInt(number));
    this.#set(REGISTER.rdi, BigInt(argument));
    // No system call is to be restarted.
    this.#set(REGISTER.originalRax, -1n);
    this.#set(REGISTER.rip, rip - 2n);
    this.#put();
    for (let stops = 0; stops < MAX_STOPS; stops++) {
      this.#ptrace(PTRACE.SINGLESTEP, 0);
      if (!this.stopped()) return undefined;
      this.look();
      if (this.#registers.getBigUint64(REGISTER.rip, true) === rip) break;
    }
    const result = this.#registers.getBigInt64(REGISTER.rax, true);
    new Uint8Array(this.#registers.buffer).set(saved);
    this.#put();
    return result;
  }

  /** The thread goes on untraced, with this as the result of the call that it waits in. */
  finish(result: bigint): void {
    this.look();
    this.#set(REGISTER.rax, result);
    this.#put();
    this.leave();
  }

  #message(): number {
    const message = new DataView(new ArrayBuffer(8));
    this.#ptrace(PTRACE.GETEVENTMSG, addressOf(message));
    return message.getUint32(0, true);
  }

  #put(): void {
    this.#ptrace(PTRACE.SETREGS, this.#registersAddress);
  }

  #set(register: number, value: bigint): void {
    this.#registers.setBigInt64(register, value, true);
  }

  #ptrace(request: number, data: number): number {
    return libc.syscall(numberOf('ptrace'), request, this.tid, 0, data, 0);
  }
}
