/**
 * A disk in a file of the host. A write is in the file when it completes, and survives a loss of power after flush(): a run
 * that is killed leaves every completed write, a machine that goes dark every flushed one. The file is sparse.
 */
import { constants, fdatasync, fdatasyncSync, fstatSync, ftruncateSync, openSync } from 'node:fs';
import type { BlockStore, Done } from '../../devices/block-store.js';
import { addressOf, check, errno, LibcError, libc } from './libc.js';
import { poolSize } from './pool-thread.js';

/** fallocate(2): make a hole, and leave the size as it is. */
const PUNCH_HOLE_KEEP_SIZE = 2 | 1;
const EOPNOTSUPP = 95;
const F_OFD_SETLK = 37;
const F_WRLCK = 1;
const BLOCK = 4096;

export class FileStore implements BlockStore {
  readonly size: number;
  readonly #fd: number;
  /** Who waits for a sync that has not begun. */
  #waiting: Done[] = [];
  #syncing = false;

  /**
   * Opens a disk, or makes it.
   * @param size bytes, for a file that does not exist yet or is empty; an existing one keeps its size
   * @throws Error it cannot be opened, another run uses it, or it has no size
   */
  constructor(file: string, size: number | undefined) {
    const create = size === undefined ? 0 : constants.O_CREAT;
    this.#fd = openSync(file, constants.O_RDWR | create, 0o644);
    this.#lock(file);
    if (size !== undefined && fstatSync(this.#fd).size === 0) ftruncateSync(this.#fd, size);
    const { size: bytes } = fstatSync(this.#fd);
    this.size = bytes - (bytes % BLOCK);
    if (this.size === 0) throw new Error(`${file} is smaller than one block of ${BLOCK} bytes`);
    if (size !== undefined && this.size !== size)
      throw new Error(`${file} has ${this.size} bytes, and the machine file says ${size}`);
  }

  read(offset: number, into: Uint8Array): void {
    this.#all(into, (at, left, done) => libc.pread(this.#fd, at, left, offset + done), 'pread');
  }

  write(offset: number, from: Uint8Array): void {
    this.#all(from, (at, left, done) => libc.pwrite(this.#fd, at, left, offset + done), 'pwrite');
  }

  zero(offset: number, size: number): void {
    if (libc.fallocate(this.#fd, PUNCH_HOLE_KEEP_SIZE, offset, size) === 0) return;
    if (errno() !== EOPNOTSUPP) throw new LibcError('fallocate of a disk');
    const zeros = new Uint8Array(new ArrayBuffer(Math.min(size, 1 << 20)));
    for (let done = 0; done < size; done += zeros.length)
      this.write(offset + done, zeros.subarray(0, Math.min(zeros.length, size - done)));
  }

  /**
   * On a thread of Node's pool: the disk may take long, and the machine goes on. Who comes while one is on its way waits
   * for the next, which is one for all of them: it has what was written before it began.
   */
  flush(done: Done): void {
    this.#waiting.push(done);
    if (!this.#syncing) this.#sync();
  }

  #sync(): void {
    const told = this.#waiting;
    this.#waiting = [];
    this.#syncing = true;
    const sync = poolSize() > 1 ? fdatasync : blockingSync;
    sync(this.#fd, (error) => {
      this.#syncing = false;
      for (const done of told) done(error ?? undefined);
      if (this.#waiting.length > 0 && !this.#syncing) this.#sync();
    });
  }

  #all(bytes: Uint8Array, move: (address: number, left: number, done: number) => number, what: string): void {
    const address = addressOf(bytes);
    for (let done = 0; done < bytes.length; ) {
      const moved = check(move(address + done, bytes.length - done, done), `${what} of a disk`);
      if (moved === 0) throw new Error('the file of a disk became shorter');
      done += moved;
    }
  }

  /** Two machines on one disk would ruin it. The lock ends with the descriptor. */
  #lock(file: string): void {
    const lock = new DataView(new ArrayBuffer(32));
    lock.setInt16(0, F_WRLCK, true);
    if (libc.fcntl(this.#fd, F_OFD_SETLK, addressOf(lock)) !== 0) throw new Error(`${file} is used by another run`);
  }
}

/** fdatasync where the pool has no thread left that could do it. */
function blockingSync(fd: number, done: (error: Error | null) => void): void {
  try {
    fdatasyncSync(fd);
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  done(null);
}
