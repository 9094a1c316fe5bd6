/** A simulated eventfd (eventfd(2)), for simulated processes. */
import { Errno } from './errno.js';
import type { FileOps } from './open-file.js';

export class EventFd implements FileOps {
  readonly name = 'anon_inode:[eventfd]';
  #count = 0n;

  signal(): void {
    this.#count++;
  }

  ioctl(): number {
    throw new Errno('ENOTTY', 'an eventfd has no ioctls');
  }

  /** Reads the counter and sets it to zero. @throws EINVAL less than 8 bytes; EAGAIN it is zero */
  read(into: Uint8Array): number {
    if (into.length < 8) throw new Errno('EINVAL', 'an eventfd is read by 8 bytes');
    if (this.#count === 0n) throw new Errno('EAGAIN', 'the counter is zero');
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, this.#count, true);
    this.#count = 0n;
    return 8;
  }

  readable(): boolean {
    return this.#count > 0n;
  }

  release(): void {}
}
