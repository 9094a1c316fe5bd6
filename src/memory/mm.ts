/**
 * A process's memory (what Linux calls an mm): the bytes that system calls and DMA reach, and the account of the pages
 * that it locked. One Mm stands for one address space of a process: exec and exit end it, fork makes another.
 *
 * Where the bytes are is the business of `Memory`: simulated (simulated-memory.ts) or another process's (runner/).
 */
import { hex, PAGE_SIZE } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { Memory } from './memory.js';

let nextId = 1;

/** More pages would be locked than a limit in bytes allows. @param locked pages that are locked now */
export function overLimit(pages: number, locked: number, limit: bigint): Errno {
  const kib = Math.ceil(((locked + pages) * PAGE_SIZE) / 1024);
  return new Errno(
    'ENOMEM',
    `${pages} pages more than the ${locked} locked ones exceed RLIMIT_MEMLOCK of ${limit} bytes: raise it (ulimit -l ${kib})`,
  );
}

export class Mm {
  /** A number for traces: never used again. */
  readonly id = nextId++;
  readonly memory: Memory;
  /** Pages charged against the limit by all I/O address spaces together: VmLck. */
  #locked = 0;
  /** Pages pinned for devices, in whatever way they are charged: VmPin. */
  #pinned = 0;
  #alive = true;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** False once the process has ended or executed another program: nothing is reached through it any more. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Pages pinned now. */
  get pinnedPages(): number {
    return this.#pinned;
  }

  /** Counts pages that are pinned (negative: no longer). */
  addPinned(pages: number): void {
    if (this.#alive) this.#pinned += pages;
  }

  /** Pages charged now. */
  get lockedPages(): number {
    return this.#locked;
  }

  /**
   * Charges pages against RLIMIT_MEMLOCK (uapi-ioasid.md, 2.1 Accounting).
   * @throws ENOMEM over the limit; nothing is charged then
   */
  charge(pages: number): void {
    this.#charge(pages, true);
  }

  /**
   * Charges pages against RLIMIT_MEMLOCK, whatever the process may do besides (iommufd's accounting by mm).
   * @throws ENOMEM over the limit; nothing is charged then
   */
  chargeWithin(pages: number): void {
    this.#charge(pages, false);
  }

  #charge(pages: number, privileged: boolean): void {
    const wanted = this.#locked + pages;
    const limit = this.memory.lockLimit();
    const exceeds = limit !== undefined && BigInt(wanted) * BigInt(PAGE_SIZE) > limit;
    if (exceeds && !(privileged && this.memory.mayExceedLockLimit())) {
      throw overLimit(pages, this.#locked, limit);
    }
    this.#locked = wanted;
  }

  /** Gives pages back. After the end of the process there is nothing left to give back. */
  uncharge(pages: number): void {
    if (this.#alive) this.#locked -= pages;
  }

  /** The process ended or executed another program: the charges go with it. */
  end(): void {
    this.#alive = false;
    this.#locked = 0;
    this.#pinned = 0;
  }

  /** Reads a user buffer in full. @throws EFAULT */
  copyIn(address: bigint, into: Uint8Array): void {
    const copied = this.memory.read(address, into);
    if (copied !== into.length) throw fault('read', address, into.length, copied);
  }

  /** Writes a user buffer in full. @throws EFAULT */
  copyOut(address: bigint, from: Uint8Array): void {
    const copied = this.memory.write(address, from);
    if (copied !== from.length) throw fault('write', address, from.length, copied);
  }
}

function fault(what: string, address: bigint, size: number, copied: number): Errno {
  return new Errno(
    'EFAULT',
    `cannot ${what} ${size} bytes at ${hex(address)}: bad address ${hex(address + BigInt(copied))}`,
  );
}
