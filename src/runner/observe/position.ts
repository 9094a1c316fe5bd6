/**
 * Where in the program a thread is that waits for an intercepted call: the object file and the offset of the call in the
 * program's own code. The instruction itself is in libc as a rule; the return address on the stack leads out of it. Asked
 * at each call that maps: so a call from a place that is known costs two reads of the thread, and makes nothing.
 */
import { closeSync } from 'node:fs';
import type { Position } from '../../report/finding.js';
import { addressOf, libc } from '../host/libc.js';
import { tryOpen } from '../host/procfs.js';
import { copyRemoteAt } from '../memory/remote-memory.js';
import { among, type Code, positionIn, readCode } from './code-map.js';
import { type Registers, readRegisters } from './syscall-line.js';

/** Bytes of the stack that are looked at for the return address. */
const STACK = 1024;
/** Processes whose map of code is kept, and threads whose state is held open. */
const MAX_PROCESSES = 64;
const MAX_THREADS = 64;
/** Places of a process that are kept. */
const MAX_SITES = 4096;
/** Longest line of /proc/TID/syscall: a number, and eight in hexadecimal. */
const LINE = 256;

/** Where the caller of a system's instruction was found the last time. */
interface Site {
  /** Offset of the return address from the stack pointer, bytes. */
  readonly slot: number;
  readonly word: number;
  readonly position: Position;
}

/** What is known of a process. */
interface Known {
  readonly code: readonly Code[];
  /** By the instruction. */
  readonly sites: Map<number, Site>;
  /** By the address; of the program's own code. */
  readonly positions: Map<number, Position>;
}

export class Positions {
  readonly #known = new Map<number, Known>();
  /** By thread: /proc/TID/syscall, open. It means that thread only, also when the number is used again. */
  readonly #threads = new Map<number, number>();
  readonly #line = new Uint8Array(new ArrayBuffer(LINE));
  readonly #lineAddress = addressOf(this.#line);
  readonly #registers: Registers = { stack: 0, instruction: 0 };
  readonly #stack = new DataView(new ArrayBuffer(STACK));
  readonly #stackAddress = addressOf(this.#stack);

  /** Undefined: the thread is not there, or its memory is not for us to read. */
  readonly where = ({ pid, tid }: { readonly pid: number; readonly tid: number }): Position | undefined => {
    try {
      return this.#find(pid, tid);
    } catch {
      return undefined;
    }
  };

  #find(pid: number, tid: number): Position | undefined {
    const registers = this.#registers;
    if (!this.#read(tid)) return undefined;
    const { instruction, stack } = registers;
    const site = this.#known.get(pid)?.sites.get(instruction);
    if (site) {
      const size = site.slot + 8;
      if (copyRemoteAt(tid, stack, this.#stackAddress, size, false) === size && this.#word(site.slot) === site.word)
        return site.position;
    }
    const known = this.#locate(pid, tid, instruction);
    const here = among(known.code, instruction);
    if (!here) return undefined;
    if (!here.ofTheSystem) return this.#position(known, here, instruction);
    const got = copyRemoteAt(tid, stack, this.#stackAddress, STACK, false);
    for (let slot = 0; slot + 8 <= got; slot += 8) {
      const word = this.#word(slot);
      const caller = among(known.code, word);
      if (!caller || caller.ofTheSystem) continue;
      const position = this.#position(known, caller, word);
      if (known.sites.size >= MAX_SITES) known.sites.clear();
      known.sites.set(instruction, { slot, word, position });
      return position;
    }
    return this.#position(known, here, instruction);
  }

  /** One object for each place: findings and mappings hold on to them. */
  #position({ positions }: Known, code: Code, address: number): Position {
    const made = positions.get(address);
    if (made) return made;
    if (positions.size >= MAX_SITES) positions.clear();
    const position = positionIn(code, address);
    positions.set(address, position);
    return position;
  }

  #word(slot: number): number {
    return this.#stack.getUint32(slot + 4, true) * 2 ** 32 + this.#stack.getUint32(slot, true);
  }

  /** Reads where a thread is. False: it is gone, or in no call. */
  #read(tid: number): boolean {
    for (let attempt = 0; attempt < 2; attempt++) {
      let fd = this.#threads.get(tid);
      if (fd === undefined) {
        fd = tryOpen(`/proc/${tid}/syscall`, 'r');
        if (fd === undefined) return false;
        const [oldest] = this.#threads.keys();
        if (this.#threads.size >= MAX_THREADS && oldest !== undefined) this.#forget(oldest);
        this.#threads.set(tid, fd);
      }
      // Fails if it was another thread's, which has ended.
      const size = libc.pread(fd, this.#lineAddress, LINE, 0);
      if (size > 0) return readRegisters(this.#line, size, this.#registers);
      this.#forget(tid);
    }
    return false;
  }

  #forget(tid: number): void {
    const fd = this.#threads.get(tid);
    if (fd !== undefined) closeSync(fd);
    this.#threads.delete(tid);
  }

  /** Reads the map again when an address is in no code that is known: a library was loaded, or a program executed. */
  #locate(pid: number, tid: number, address: number): Known {
    const before = this.#known.get(pid);
    if (before && among(before.code, address)) return before;
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_PROCESSES && oldest !== undefined) this.#known.delete(oldest);
    const known: Known = { code: readCode(tid), sites: new Map(), positions: new Map() };
    this.#known.set(pid, known);
    return known;
  }
}
