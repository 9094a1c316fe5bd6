/**
 * Where in the program a thread is that waits for an intercepted call: the object file and the offset of the call in the
 * program's own code. The instruction itself is in libc as a rule; the return address on the stack leads out of it.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { Position } from '../../report/finding.js';

/** Bytes of the stack that are looked at for the return address. */
const STACK = 1024;
/** Processes whose map of code is kept. */
const MAX_PROCESSES = 64;
/** Between the program and the kernel. */
const OF_THE_SYSTEM = /^(libc|libpthread|ld-linux|ld-musl|libc\.musl)[-.]/;

interface Code {
  readonly start: bigint;
  readonly end: bigint;
  /** Offset of `start` in the file, bytes. */
  readonly offset: bigint;
  readonly object: string;
}

/** The parts of a process's memory that hold code of files (proc_pid_maps(5)). */
function readCode(tid: number): Code[] {
  const code: Code[] = [];
  for (const line of readFileSync(`/proc/${tid}/maps`, 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ [1-9]\d*\s+(.*)$/.exec(line);
    if (!match) continue;
    const [, start, end, offset, object = ''] = match;
    code.push({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), offset: BigInt(`0x${offset}`), object });
  }
  return code;
}

export class Positions {
  readonly #code = new Map<number, readonly Code[]>();

  /** Undefined: the thread is not there, or its memory is not for us to read. */
  readonly where = ({ pid, tid }: { readonly pid: number; readonly tid: number }): Position | undefined => {
    try {
      return this.#find(pid, tid);
    } catch {
      return undefined;
    }
  };

  #find(pid: number, tid: number): Position | undefined {
    const [pointer, instruction] = readFileSync(`/proc/${tid}/syscall`, 'latin1').trim().split(' ').slice(-2);
    if (!pointer?.startsWith('0x') || !instruction?.startsWith('0x')) return undefined;
    const here = this.#locate(pid, tid, BigInt(instruction));
    if (!here || !OF_THE_SYSTEM.test(basename(here.object))) return here;
    const stack = new DataView(new ArrayBuffer(STACK));
    const memory = openSync(`/proc/${tid}/mem`, 'r');
    let got = 0;
    try {
      got = readSync(memory, stack, 0, STACK, BigInt(pointer));
    } finally {
      closeSync(memory);
    }
    for (let at = 0; at + 8 <= got; at += 8) {
      const caller = this.#among(this.#code.get(pid) ?? [], stack.getBigUint64(at, true));
      if (caller && !OF_THE_SYSTEM.test(basename(caller.object))) return caller;
    }
    return here;
  }

  /** Reads the map again when an address is in no code that is known: a library was loaded, or a program executed. */
  #locate(pid: number, tid: number, address: bigint): Position | undefined {
    const known = this.#among(this.#code.get(pid) ?? [], address);
    if (known) return known;
    const [oldest] = this.#code.keys();
    if (this.#code.size >= MAX_PROCESSES && oldest !== undefined) this.#code.delete(oldest);
    this.#code.set(pid, readCode(tid));
    return this.#among(this.#code.get(pid) ?? [], address);
  }

  #among(code: readonly Code[], address: bigint): Position | undefined {
    const part = code.find(({ start, end }) => start <= address && address < end);
    return part && { object: part.object, offset: address - part.start + part.offset };
  }
}
