/**
 * Registers of a thread that is traced (ptrace(2)), and where the system-call convention has its number, arguments and
 * result: struct user_regs_struct of x86-64 (PTRACE_GETREGS), struct user_pt_regs of arm64 (PTRACE_GETREGSET).
 */
import { addressOf, libc } from '../host/libc.js';
import { numberOf } from '../seccomp/syscalls.js';

/** Requests and register sets of linux/ptrace.h, linux/elf.h. */
const GETREGS = 12;
const SETREGS = 13;
const GETREGSET = 0x4204;
const SETREGSET = 0x4205;
const NT_PRSTATUS = 1;
const NT_ARM_SYSTEM_CALL = 0x404;

/** What of an architecture the registers are taken from: offsets in bytes. */
interface Layout {
  readonly size: number;
  readonly instruction: number;
  readonly result: number;
  readonly arguments: readonly number[];
  /** Where a program has the number of the call that it makes. */
  readonly number: number;
  /** Where the kernel has the number of the call that the thread is in. */
  readonly current: number;
  /** The instruction that makes a system call. */
  readonly call: readonly number[];
  /** They are read and written as sets, and the number that the kernel has is a set of its own. */
  readonly sets: boolean;
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  // rdi, rsi, rdx, r10, r8, r9; number and result in rax, the kernel's number in orig_rax.
  x64: {
    ...{ size: 216, instruction: 128, result: 80, arguments: [112, 104, 96, 56, 72, 64] },
    ...{ number: 80, current: 120, call: [0x0f, 0x05], sets: false },
  },
  // x0 to x5; number in x8, result in x0. `svc #0`.
  arm64: {
    ...{ size: 272, instruction: 256, result: 0, arguments: [0, 8, 16, 24, 32, 40] },
    ...{ number: 64, current: 64, call: [0x01, 0x00, 0x00, 0xd4], sets: true },
  },
};

/** Layout of an architecture, as Node names it. @throws Error that says which there are */
export function registerLayout(architecture: string = process.arch): Layout {
  const found = LAYOUTS[architecture];
  if (!found) throw new Error(`threads are traced on ${Object.keys(LAYOUTS).join(' and ')}, not on ${architecture}`);
  return found;
}

export class Registers {
  readonly #tid: number;
  readonly #layout = registerLayout();
  readonly #values = new DataView(new ArrayBuffer(this.#layout.size));
  readonly #current = new DataView(new ArrayBuffer(8));
  readonly #vector = new DataView(new ArrayBuffer(16));
  /** The kernel's number is to be written too, where it is a set of its own. */
  #renumbered = false;

  constructor(tid: number) {
    this.#tid = tid;
  }

  /** The bytes of the instruction that makes a system call. */
  get callInstruction(): readonly number[] {
    return this.#layout.call;
  }

  /** Reads them. Returns false if the thread does not stand still. */
  load(): boolean {
    this.#renumbered = false;
    if (this.#layout.sets) return this.#set(GETREGSET, NT_PRSTATUS, this.#values);
    return this.#ptrace(GETREGS, 0, addressOf(this.#values));
  }

  /** Writes them. */
  store(): void {
    if (!this.#layout.sets) {
      this.#ptrace(SETREGS, 0, addressOf(this.#values));
      return;
    }
    this.#set(SETREGSET, NT_PRSTATUS, this.#values);
    if (this.#renumbered) this.#set(SETREGSET, NT_ARM_SYSTEM_CALL, this.#current, 4);
    this.#renumbered = false;
  }

  save(): Uint8Array {
    return new Uint8Array(this.#values.buffer.slice(0));
  }
  restore(saved: Uint8Array): void {
    new Uint8Array(this.#values.buffer).set(saved);
  }

  /** Number of the system call that the thread enters or leaves. */
  get nr(): number {
    return this.#values.getInt32(this.#layout.current, true);
  }
  /** -1: it is in none, so that none is made and none starts again. */
  set nr(value: number) {
    if (!this.#layout.sets) {
      this.#values.setBigInt64(this.#layout.current, BigInt(value), true);
      return;
    }
    this.#current.setInt32(0, value, true);
    this.#renumbered = true;
  }

  get instruction(): bigint {
    return this.#values.getBigUint64(this.#layout.instruction, true);
  }
  set instruction(address: bigint) {
    this.#values.setBigUint64(this.#layout.instruction, address, true);
  }

  get result(): bigint {
    return this.#values.getBigInt64(this.#layout.result, true);
  }
  set result(value: bigint) {
    this.#values.setBigInt64(this.#layout.result, value, true);
  }

  argument(index: number): bigint {
    return this.#values.getBigUint64(this.#layout.arguments[index] ?? 0, true);
  }

  /** What the thread executes when it comes to the instruction of a system call. */
  prepareCall(number: number, argument: bigint): void {
    this.#values.setBigInt64(this.#layout.number, BigInt(number), true);
    this.#values.setBigInt64(this.#layout.arguments[0] ?? 0, argument, true);
  }

  #set(request: number, type: number, values: DataView<ArrayBuffer>, size = values.byteLength): boolean {
    this.#vector.setBigUint64(0, BigInt(addressOf(values)), true);
    this.#vector.setBigUint64(8, BigInt(size), true);
    return this.#ptrace(request, type, addressOf(this.#vector));
  }

  #ptrace(request: number, address: number, data: number): boolean {
    return libc.syscall(numberOf('ptrace'), request, this.#tid, address, data, 0) === 0;
  }
}
