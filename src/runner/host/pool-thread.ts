/**
 * One thread of libuv's pool, with the others held: what belongs to a thread and not to its process (no_new_privs, a
 * seccomp filter without TSYNC) then is its alone, and what it starts inherits it.
 */

import { numberOf } from '../seccomp/syscalls.js';
import { addressOf, check, libc, type Outcome, onPool } from './libc.js';

const O_CLOEXEC = 0o2000000;
/** How long the end of a thread may take. */
const LAST_MILLISECONDS = 2000;

/** How many threads the pool has: as libuv reads it (uv_queue_work). One of them ends when a program was started. */
export function poolSize(): number {
  const wish = process.env.UV_THREADPOOL_SIZE;
  return wish === undefined ? 4 : Math.min(Math.max(Number.parseInt(wish, 10) || 1, 1), 1024);
}

export class PoolThread {
  readonly #held: number;
  readonly #release: number;
  readonly #gate: number;
  readonly #bytes = new Uint8Array(new ArrayBuffer(8));

  /** Takes the pool. Nothing else may use it until leave(). */
  constructor() {
    const ends = new DataView(new ArrayBuffer(8));
    check(libc.pipe2(addressOf(ends), O_CLOEXEC), 'pipe2');
    this.#gate = ends.getInt32(0, true);
    this.#release = ends.getInt32(4, true);
    this.#held = poolSize() - 1;
    for (let i = 0; i < this.#held; i++) void onPool(libc.read, this.#gate, addressOf(this.#bytes), 1);
  }

  /** Makes a call on the thread. */
  call<A extends unknown[]>(call: (...args: A) => number, ...args: A): Promise<Outcome> {
    return onPool(call, ...args);
  }

  /** Ends the thread, so that it is under no filter any more; then the others go on. */
  async leave(): Promise<void> {
    const { result: tid } = await this.call(libc.syscall, numberOf('gettid'), 0, 0, 0, 0, 0);
    void this.call(libc.syscall, numberOf('exit'), 0, 0, 0, 0, 0);
    // Held until it is gone: one of them would take its last call.
    for (let i = 0; i < LAST_MILLISECONDS && libc.syscall(numberOf('tgkill'), process.pid, tid, 0, 0, 0) === 0; i++) {
      libc.poll(0, 0, 1);
    }
    libc.close(this.#release);
  }
}
