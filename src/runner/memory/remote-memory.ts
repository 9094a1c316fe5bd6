/**
 * Another process's memory: system-call arguments and DMA move by process_vm_readv and process_vm_writev; what may be
 * pinned is asked of the host kernel. The memory is that of one program image: /proc/PID/mem and maps, held open from
 * the first mapping on, name it even after the process has executed another program.
 */
import { closeSync } from 'node:fs';
import { PAGE_SIZE, pageOf } from '../../abi/address.js';
import { CAP } from '../../kernel/fs/permission.js';
import { Backing, type FrameRun } from '../../memory/backing.js';
import type { MemoryPiece } from '../../memory/dma-target.js';
import type { Memory } from '../../memory/memory.js';
import { addressOf, errno, libc } from '../host/libc.js';
import { hasCapability, limitsOf, tryOpen } from '../host/procfs.js';
import { isSilent } from './device-files.js';
import { type Area, areaAt } from './memory-areas.js';
import type { SharedFiles } from './shared-files.js';

const RLIMIT_MEMLOCK = 8;
const RLIM_INFINITY = (1n << 64n) - 1n;
const O_RDWR = 2;
const ESRCH = 3;
/** Addresses above are never a user's; they would lose bits as numbers. */
const USER_END = 1n << 56n;

/** Most pieces of one call (IOV_MAX). */
const MAX_PIECES = 1024;
const IOVEC = 16;
const locals = new DataView(new ArrayBuffer(MAX_PIECES * IOVEC));
const localsAddress = addressOf(locals);
const remotes = new DataView(new ArrayBuffer(MAX_PIECES * IOVEC));
const remotesAddress = addressOf(remotes);

const local = new DataView(new ArrayBuffer(16));
const localAddress = addressOf(local);
const remote = new DataView(new ArrayBuffer(16));
const remoteAddress = addressOf(remote);
const limits = new DataView(new ArrayBuffer(16));
const limitsAddress = addressOf(limits);

/** Writes a number below 2^53 as 64 bits. */
function setAddress(view: DataView, offset: number, address: number): void {
  view.setUint32(offset, address % 2 ** 32, true);
  view.setUint32(offset + 4, Math.floor(address / 2 ** 32), true);
}

/** Copies between an array and a thread's memory. Returns bytes, or -1. */
export function copyRemote(
  tid: number,
  address: number | bigint,
  bytes: Uint8Array,
  size: number,
  write: boolean,
): number {
  return copyRemoteAt(tid, address, addressOf(bytes), size, write);
}

/** The same, with an address of ours in place of an array: for what is copied at every call. */
export function copyRemoteAt(tid: number, address: number | bigint, at: number, size: number, write: boolean): number {
  setAddress(local, 0, at);
  local.setUint32(8, size, true);
  if (typeof address === 'bigint') remote.setBigUint64(0, address, true);
  else setAddress(remote, 0, address);
  remote.setUint32(8, size, true);
  return write
    ? libc.process_vm_writev(tid, localAddress, 1, remoteAddress, 1, 0)
    : libc.process_vm_readv(tid, localAddress, 1, remoteAddress, 1, 0);
}

/**
 * Private pages of one program image. Their frames are named by their addresses: right as long as the program does not
 * unmap or move what is pinned, which nobody tells us of.
 */
class PrivatePages extends Backing {
  readonly name: string;
  /** Set false when the program image ends: its private bytes are gone with it. */
  alive = true;
  readonly memory: Backing['memory'];

  constructor(pid: number, memory: Backing['memory']) {
    super();
    this.name = `private memory of process ${pid}`;
    this.memory = memory;
  }

  protected unused(): void {}
}

export class RemoteMemory implements Memory {
  readonly pid: number;
  readonly #shared: SharedFiles;
  readonly #private: PrivatePages;
  /** A thread of the process that is known to live: the one whose call is being served. */
  tid: number;
  /** The process may have executed another program since: only held files still mean this memory. */
  stale = false;
  /**
   * Set when a call begins: does the caller still wait? Asked once a call, since a thread that was killed may have left
   * its number to another.
   */
  confirm: (() => boolean) | undefined;
  #mem: number | undefined;
  #maps: number | undefined;

  /** @param shared the files that programs map shared */
  constructor(pid: number, shared: SharedFiles) {
    this.pid = pid;
    this.tid = pid;
    this.#shared = shared;
    // A pinned page stays writable for devices when the program takes its own permission away: /proc/PID/mem does that.
    const pinned = (address: bigint, bytes: Uint8Array, write: boolean): number => {
      const copied = this.#copy(address, bytes, write);
      if (copied === bytes.length) return copied;
      return copied + this.#copyHeld(address + BigInt(copied), bytes.subarray(copied), write);
    };
    this.#private = new PrivatePages(pid, {
      read: (address, into) => pinned(address, into, false),
      write: (address, from) => pinned(address, from, true),
    });
  }

  read(address: bigint, into: Uint8Array): number {
    return this.#copy(address, into, false);
  }

  write(address: bigint, from: Uint8Array): number {
    return this.#copy(address, from, true);
  }

  unpinnable(address: bigint, size: bigint, write: boolean): bigint | undefined {
    this.hold();
    let at = address;
    while (at < address + size) {
      const area = this.area(at);
      if (!area || !(write ? area.writable : area.readable)) return at;
      at = area.end;
    }
    return undefined;
  }

  frames(address: bigint, pages: number, write: boolean): FrameRun[] {
    this.hold();
    const runs: FrameRun[] = [];
    const end = address + BigInt(pages) * BigInt(PAGE_SIZE);
    let at = address;
    while (at < end) {
      const area = this.area(at);
      if (!area || !(write ? area.writable : area.readable)) break;
      const stop = area.end < end ? area.end : end;
      const frames = Number((stop - at) / BigInt(PAGE_SIZE));
      if (area.shared) {
        // A BAR that cannot be faulted in (linux-vfio.md, 4.2).
        if (isSilent(area.file)) break;
        const run = this.#shared.frames(this, area, at, frames);
        if (run) runs.push(run);
        if (run?.frames !== frames) break;
      } else runs.push({ backing: this.#private, frame: pageOf(at), frames, pageShift: area.pageShift });
      at = stop;
    }
    return runs;
  }

  lockLimit(): bigint | undefined {
    // Another user's process without CAP_SYS_RESOURCE, as after setuid() in a container: its limits can be read all the same.
    if (libc.prlimit(this.pid, RLIMIT_MEMLOCK, 0, limitsAddress) !== 0)
      return limitsOf(this.tid, 'Max locked memory').soft;
    const soft = limits.getBigUint64(0, true);
    return soft === RLIM_INFINITY ? undefined : soft;
  }

  mayExceedLockLimit(): boolean {
    return hasCapability(this.tid, CAP.IPC_LOCK);
  }

  /** Holds on to this program image: from now on it is told from a later one of the same process. */
  hold(): void {
    this.#mem ??= tryOpen(`/proc/${this.tid}/mem`, O_RDWR);
    this.#maps ??= tryOpen(`/proc/${this.tid}/maps`, 'r');
  }

  /** True if the held image no longer has memory: its program was replaced. */
  gone(address: number): boolean {
    if (this.#mem === undefined) return false;
    const byte = new Uint8Array(new ArrayBuffer(1));
    return libc.pread(this.#mem, addressOf(byte), 1, address) !== 1;
  }

  close(): void {
    this.#private.alive = false;
    for (const fd of [this.#mem, this.#maps]) if (fd !== undefined) closeSync(fd);
    this.#mem = this.#maps = undefined;
  }

  /** Copies many pieces in one call, as long as the program image is the one of the process. */
  move(pieces: readonly MemoryPiece[], write: boolean): number {
    if (this.stale || (write && !this.#confirmed())) return 0;
    let done = 0;
    for (let from = 0; from < pieces.length; from += MAX_PIECES) {
      const some = pieces.slice(from, from + MAX_PIECES);
      let wanted = 0;
      for (const [i, { address, bytes }] of some.entries()) {
        if (address >= USER_END) return done;
        locals.setBigUint64(i * IOVEC, BigInt(addressOf(bytes)), true);
        locals.setBigUint64(i * IOVEC + 8, BigInt(bytes.length), true);
        remotes.setBigUint64(i * IOVEC, address, true);
        remotes.setBigUint64(i * IOVEC + 8, BigInt(bytes.length), true);
        wanted += bytes.length;
      }
      const call = write ? libc.process_vm_writev : libc.process_vm_readv;
      const copied = call(this.tid, localsAddress, some.length, remotesAddress, some.length, 0);
      if (copied > 0) done += copied;
      if (copied !== wanted) break;
    }
    return this.#confirmed() ? done : 0;
  }

  #copy(address: bigint, bytes: Uint8Array, write: boolean): number {
    if (address >= USER_END || bytes.length === 0) return 0;
    if (!this.stale) {
      if (write && !this.#confirmed()) return 0;
      const copied = copyRemote(this.tid, address, bytes, bytes.length, write);
      if (copied >= 0) return this.#confirmed() ? copied : 0;
      // The thread is gone; its process may still have the memory.
      if (errno() !== ESRCH) return 0;
    }
    return this.#copyHeld(address, bytes, write);
  }

  #confirmed(): boolean {
    const { confirm } = this;
    this.confirm = undefined;
    return confirm === undefined || confirm();
  }

  /** Through the held file: slower, but it cannot reach another program. */
  #copyHeld(address: bigint, bytes: Uint8Array, write: boolean): number {
    if (this.#mem === undefined) return 0;
    const [call, at] = [write ? libc.pwrite : libc.pread, addressOf(bytes)];
    let done = 0;
    while (done < bytes.length) {
      const moved = call(this.#mem, at + done, bytes.length - done, address + BigInt(done));
      if (moved <= 0) break;
      done += moved;
    }
    return done;
  }

  /** The area at an address, as it is now. */
  area(address: bigint): Area | undefined {
    return address >= USER_END ? undefined : areaAt(this.tid, this.#maps, address);
  }
}
