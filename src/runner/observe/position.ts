/**
 * Where in the program a thread is that waits for an intercepted call: the object file and the offset of the call in the
 * program's own code. The instruction itself is in libc as a rule; the return address on the stack leads out of it.
 */
import { closeSync, readFileSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { Position } from '../../report/finding.js';
import { tryOpen } from '../host/procfs.js';
import { copyRemote } from '../memory/remote-memory.js';

/** Bytes of the stack that are looked at for the return address. */
const STACK = 1024;
/** Processes whose map of code is kept, and threads whose state is held open. */
const MAX_PROCESSES = 64;
const MAX_THREADS = 64;
/** Longest line of /proc/TID/syscall: a number, and eight in hexadecimal. */
const LINE = 256;
/** Between the program and the kernel. */
const OF_THE_SYSTEM = /^(libc|libpthread|ld-linux|ld-musl|libc\.musl)[-.]/;

/** A part of a process's memory that holds code of a file. Addresses of user space are exact as numbers. */
interface Code {
  readonly start: number;
  readonly end: number;
  /** Offset of `start` in the file, bytes. */
  readonly offset: number;
  readonly object: string;
  readonly ofTheSystem: boolean;
}

/** The code of a process, in order of addresses (proc_pid_maps(5)). */
function readCode(tid: number): Code[] {
  const code: Code[] = [];
  for (const line of readFileSync(`/proc/${tid}/maps`, 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ [1-9]\d*\s+(.*)$/.exec(line);
    if (!match) continue;
    const [, start, end, offset, object = ''] = match;
    code.push({
      ...{ start: Number(`0x${start}`), end: Number(`0x${end}`), offset: Number(`0x${offset}`), object },
      ofTheSystem: OF_THE_SYSTEM.test(basename(object)),
    });
  }
  return code;
}

export class Positions {
  readonly #code = new Map<number, readonly Code[]>();
  /** By thread: /proc/TID/syscall, open. It means that thread only, also when the number is used again. */
  readonly #threads = new Map<number, number>();
  readonly #line = new Uint8Array(LINE);
  readonly #stack = new DataView(new ArrayBuffer(STACK));

  /** Undefined: the thread is not there, or its memory is not for us to read. */
  readonly where = ({ pid, tid }: { readonly pid: number; readonly tid: number }): Position | undefined => {
    try {
      return this.#find(pid, tid);
    } catch {
      return undefined;
    }
  };

  #find(pid: number, tid: number): Position | undefined {
    const [pointer, instruction] = this.#state(tid).trim().split(' ').slice(-2);
    if (!pointer?.startsWith('0x') || !instruction?.startsWith('0x')) return undefined;
    const place = Number(instruction);
    const here = this.#locate(pid, tid, place);
    if (!here?.ofTheSystem) return here && positionIn(here, place);
    const stack = this.#stack;
    const got = copyRemote(tid, Number(pointer), new Uint8Array(stack.buffer), STACK, false);
    const code = this.#code.get(pid) ?? [];
    for (let at = 0; at + 8 <= got; at += 8) {
      const word = stack.getUint32(at + 4, true) * 2 ** 32 + stack.getUint32(at, true);
      const caller = among(code, word);
      if (caller && !caller.ofTheSystem) return positionIn(caller, word);
    }
    return positionIn(here, place);
  }

  /** /proc/TID/syscall; empty if the thread is gone. */
  #state(tid: number): string {
    for (let attempt = 0; attempt < 2; attempt++) {
      let fd = this.#threads.get(tid);
      if (fd === undefined) {
        fd = tryOpen(`/proc/${tid}/syscall`, 'r');
        if (fd === undefined) return '';
        const [oldest] = this.#threads.keys();
        if (this.#threads.size >= MAX_THREADS && oldest !== undefined) this.#forget(oldest);
        this.#threads.set(tid, fd);
      }
      try {
        const size = readSync(fd, this.#line, 0, LINE, 0);
        if (size > 0) return String.fromCharCode(...this.#line.subarray(0, size));
      } catch {
        // It was another thread's, which has ended.
      }
      this.#forget(tid);
    }
    return '';
  }

  #forget(tid: number): void {
    const fd = this.#threads.get(tid);
    if (fd !== undefined) closeSync(fd);
    this.#threads.delete(tid);
  }

  /** Reads the map again when an address is in no code that is known: a library was loaded, or a program executed. */
  #locate(pid: number, tid: number, address: number): Code | undefined {
    const known = among(this.#code.get(pid) ?? [], address);
    if (known) return known;
    const [oldest] = this.#code.keys();
    if (this.#code.size >= MAX_PROCESSES && oldest !== undefined) this.#code.delete(oldest);
    this.#code.set(pid, readCode(tid));
    return among(this.#code.get(pid) ?? [], address);
  }
}

/** The part that an address is in. Most words of a stack are in none, and below the first or above the last. */
function among(code: readonly Code[], address: number): Code | undefined {
  const [first] = code;
  if (!first || address < first.start) return undefined;
  for (const part of code) {
    if (address < part.start) return undefined;
    if (address < part.end) return part;
  }
  return undefined;
}

const positionIn = ({ object, offset, start }: Code, address: number): Position => ({
  object,
  offset: BigInt(address - start + offset),
});
