/**
 * Makes a thread of a program execute a system call, by ptrace(2): for what a supervisor cannot do for it, which is to
 * change its working directory. The thread waits in a call of the filter meanwhile, and goes on as if that call had done
 * it. x86-64 only.
 *
 * What must hold: the listener was made with WAIT_KILLABLE_RECV, so that the thread stays in its call until it is
 * answered; and the call that is made does not go to the filter's listener, which nobody would serve meanwhile.
 */
import { Errno } from '../../abi/errno.js';
import { addressOf, libc } from '../host/libc.js';
import { copyRemote } from '../memory/remote-memory.js';
import type { Notification } from '../seccomp/notification.js';
import { numberOf } from '../seccomp/syscalls.js';

/** Requests of linux/ptrace.h. */
const PTRACE = { SINGLESTEP: 9, GETREGS: 12, SETREGS: 13, DETACH: 17, SEIZE: 0x4206, INTERRUPT: 0x4207 } as const;
/** Offsets in struct user_regs_struct of x86-64, and its size. */
const REGISTER = { rax: 80, rdi: 112, originalRax: 120, rip: 128 } as const;
const REGISTERS_SIZE = 216;
const WALL = 0x40000000;
const SIGTRAP = 5;
/** The instruction `syscall`. */
const SYSCALL = [0x0f, 0x05];
const EACCES = 13;
/** Signals that may come in between; more would mean that the thread makes no progress. */
const MAX_STOPS = 64;

class Tracee {
  readonly #tid: number;
  readonly #status = new DataView(new ArrayBuffer(8));
  readonly #registers = new DataView(new ArrayBuffer(REGISTERS_SIZE));
  /** A signal that stopped the thread: it gets it when it goes on. */
  #signal = 0;

  constructor(tid: number) {
    this.#tid = tid;
  }

  /** Returns false if the thread cannot be traced: another debugger has it, or the host forbids it. */
  seize(): boolean {
    return this.#ptrace(PTRACE.SEIZE, 0) === 0 && this.#ptrace(PTRACE.INTERRUPT, 0) === 0;
  }

  /** Waits until the thread stands still. Returns false if it ended. */
  stopped(): boolean {
    const at = addressOf(this.#status);
    if (libc.syscall(numberOf('wait4'), this.#tid, at, WALL, 0, 0) < 0) return false;
    const status = this.#status.getInt32(0, true);
    if ((status & 0xff) !== 0x7f) return false;
    const signal = (status >> 8) & 0xff;
    // An event of ptrace itself is told as SIGTRAP, too.
    if (status >> 16 === 0 && signal !== SIGTRAP) this.#signal = signal;
    return true;
  }

  /** Executes a system call where the thread stands, behind one. Returns its result, or undefined if it ended. */
  call(number: number, argument: number): bigint | undefined {
    this.#get();
    const saved = new Uint8Array(this.#registers.buffer.slice(0));
    const rip = this.#registers.getBigUint64(REGISTER.rip, true);
    const code = new Uint8Array(new ArrayBuffer(2));
    if (copyRemote(this.#tid, rip - 2n, code, 2, false) !== 2 || SYSCALL.some((byte, i) => code[i] !== byte)) {
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
      this.#get();
      if (this.#registers.getBigUint64(REGISTER.rip, true) === rip) break;
    }
    const result = this.#registers.getBigInt64(REGISTER.rax, true);
    new Uint8Array(this.#registers.buffer).set(saved);
    this.#put();
    return result;
  }

  /** The thread goes on, with this as the result of the call that it waits in. */
  finish(result: bigint): void {
    this.#get();
    this.#set(REGISTER.rax, result);
    this.#put();
    this.#ptrace(PTRACE.DETACH, this.#signal);
  }

  #get(): void {
    this.#ptrace(PTRACE.GETREGS, addressOf(this.#registers));
  }

  #put(): void {
    this.#ptrace(PTRACE.SETREGS, addressOf(this.#registers));
  }

  #set(register: number, value: bigint): void {
    this.#registers.setBigInt64(register, value, true);
  }

  #ptrace(request: number, data: number): number {
    return libc.syscall(numberOf('ptrace'), request, this.#tid, 0, data, 0);
  }
}

/**
 * The caller goes to a directory that it has a descriptor of, and closes the descriptor; its call is answered with the
 * outcome.
 * @throws EACCES the caller cannot be made to
 */
export function injectFchdir(n: Notification, fd: number): 'done' {
  const tracee = new Tracee(n.tid);
  if (process.arch !== 'x64' || !tracee.seize()) {
    throw new Errno(
      'EACCES',
      `thread ${n.tid} cannot be made to change its directory: it is traced, or ptrace is refused`,
    );
  }
  n.answer(0);
  if (!tracee.stopped()) return 'done';
  const result = tracee.call(numberOf('fchdir'), fd);
  if (result === undefined || tracee.call(numberOf('close'), fd) === undefined) return 'done';
  tracee.finish(result);
  return 'done';
}
