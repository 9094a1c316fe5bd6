/**
 * Another process's memory: system-call arguments and DMA move by process_vm_readv and process_vm_writev; what may be
 * pinned is asked of the host kernel. The memory is that of one program image: /proc/PID/mem and maps, held open from
 * the first mapping on, name it even after the process has executed another program.
 */
import { closeSync, readFileSync } from 'node:fs';
import type { Memory } from '../../kernel/mm.js';
import { addressOf, errno, libc } from './libc.js';
import { hasIpcLock, softLimit, tryOpen } from './procfs.js';

const RLIMIT_MEMLOCK = 8;
const RLIM_INFINITY = (1n << 64n) - 1n;
const O_RDWR = 2;
/** _IOWR('f', 17, struct procmap_query) of linux/fs.h, since Linux 6.11. */
const PROCMAP_QUERY = 0xc0686611;
const VMA_READABLE = 1n;
const VMA_WRITABLE = 2n;
const ENOENT = 2;
const ESRCH = 3;
/** Addresses above are never a user's; they would lose bits as numbers. */
const USER_END = 1n << 56n;

const local = new DataView(new ArrayBuffer(16));
const localAddress = addressOf(local);
const remote = new DataView(new ArrayBuffer(16));
const remoteAddress = addressOf(remote);
const query = new DataView(new ArrayBuffer(104));
const queryAddress = addressOf(query);
const limits = new DataView(new ArrayBuffer(16));
const limitsAddress = addressOf(limits);

interface Area {
  readonly start: bigint;
  readonly end: bigint;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** Copies between an array and a thread's memory. Returns bytes, or -1. */
export function copyRemote(
  tid: number,
  address: number | bigint,
  bytes: Uint8Array,
  size: number,
  write: boolean,
): number {
  local.setBigUint64(0, BigInt(addressOf(bytes)), true);
  local.setBigUint64(8, BigInt(size), true);
  remote.setBigUint64(0, BigInt(address), true);
  remote.setBigUint64(8, BigInt(size), true);
  return write
    ? libc.process_vm_writev(tid, localAddress, 1, remoteAddress, 1, 0)
    : libc.process_vm_readv(tid, localAddress, 1, remoteAddress, 1, 0);
}

export class RemoteMemory implements Memory {
  readonly pid: number;
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

  constructor(pid: number) {
    this.pid = pid;
    this.tid = pid;
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
      const area = this.#area(at);
      if (!area || !(write ? area.writable : area.readable)) return at;
      at = area.end;
    }
    return undefined;
  }

  lockLimit(): bigint | undefined {
    // Another user's process without CAP_SYS_RESOURCE, as after setuid() in a container: its limits can be read all the same.
    if (libc.prlimit(this.pid, RLIMIT_MEMLOCK, 0, limitsAddress) !== 0) return softLimit(this.tid, 'Max locked memory');
    const soft = limits.getBigUint64(0, true);
    return soft === RLIM_INFINITY ? undefined : soft;
  }

  mayExceedLockLimit(): boolean {
    return hasIpcLock(this.pid);
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
    for (const fd of [this.#mem, this.#maps]) if (fd !== undefined) closeSync(fd);
    this.#mem = this.#maps = undefined;
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

  #area(address: bigint): Area | undefined {
    if (address >= USER_END) return undefined;
    if (this.#maps !== undefined) {
      query.setBigUint64(0, 104n, true);
      query.setBigUint64(8, 0n, true);
      query.setBigUint64(16, address, true);
      for (let word = 24; word < 104; word += 8) query.setBigUint64(word, 0n, true);
      if (libc.ioctl(this.#maps, PROCMAP_QUERY, queryAddress) === 0) {
        const flags = query.getBigUint64(40, true);
        return {
          start: query.getBigUint64(24, true),
          end: query.getBigUint64(32, true),
          readable: (flags & VMA_READABLE) !== 0n,
          writable: (flags & VMA_WRITABLE) !== 0n,
        };
      }
      if (errno() === ENOENT) return undefined;
    }
    return parseMaps(this.tid).find((area) => area.start <= address && address < area.end);
  }
}

/** The areas of a process, from the text of maps: for kernels without PROCMAP_QUERY. */
function parseMaps(pid: number): Area[] {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/maps`, 'latin1');
  } catch {
    return [];
  }
  return [...text.matchAll(/^([0-9a-f]+)-([0-9a-f]+) (.)(.)/gm)].map(([, start, end, r, w]) => ({
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
    readable: r === 'r',
    writable: w === 'w',
  }));
}
