/**
 * What a program polls in place of a file whose read, write and poll are the virtual kernel's: a pipe that is readable
 * while the file is, because something lies in it. The program's end opened for reading and writing is writable always,
 * opened for reading never. Its last close is an error at our end (pipe(7)).
 */
import { closeSync } from 'node:fs';
import { addressOf, check, libc } from '../host/libc.js';

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_ACCMODE = 3;
const O_NONBLOCK = 0o4000;
const O_DIRECT = process.arch === 'arm64' ? 0o200000 : 0o40000;
const O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;
const FIONREAD = 0x541b;

const unread = new DataView(new ArrayBuffer(8));
const unreadAddress = addressOf(unread);
const scratch = new Uint8Array(new ArrayBuffer(4096));
const scratchAddress = addressOf(scratch);

export class TokenPipe {
  /** Our end. */
  readonly writeEnd: number;
  readonly #path: Uint8Array;

  constructor() {
    const ends = new DataView(new ArrayBuffer(8));
    // In packet mode: what lies in it is read as a whole.
    check(libc.pipe2(addressOf(ends), O_DIRECT | O_NONBLOCK | O_CLOEXEC), 'pipe2');
    this.writeEnd = ends.getInt32(4, true);
    this.#path = new TextEncoder().encode(`/proc/self/fd/${this.writeEnd}\0`);
    closeSync(ends.getInt32(0, true));
  }

  /**
   * Opens the program's end.
   * @param flags access mode and O_NONBLOCK. For writing only is for both: a pipe without a reader would be at its end
   * @throws LibcError
   */
  open(flags: number): number {
    const how = (flags & O_ACCMODE) === O_WRONLY ? (flags & ~O_ACCMODE) | O_RDWR : flags;
    return check(libc.openat(AT_FDCWD, addressOf(this.#path), how | O_CLOEXEC, 0), 'open of a pipe');
  }

  /** Does something lie in it? */
  get full(): boolean {
    check(libc.ioctl(this.writeEnd, FIONREAD, unreadAddress), 'FIONREAD');
    return unread.getInt32(0, true) > 0;
  }

  /** Makes it readable. */
  put(bytes: Uint8Array): void {
    libc.write(this.writeEnd, addressOf(bytes), bytes.length);
  }

  /** Takes out what lies in it. */
  clear(): void {
    const reader = this.open(O_RDONLY | O_NONBLOCK);
    while (libc.read(reader, scratchAddress, scratch.length) > 0);
    libc.close(reader);
  }

  close(): void {
    libc.close(this.writeEnd);
  }
}
