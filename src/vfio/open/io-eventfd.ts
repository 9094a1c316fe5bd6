/**
 * VFIO_DEVICE_IOEVENTFD (linux-vfio.md, 5.8): eventfds of the user whose signal makes the kernel write a value to a register.
 */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { Caller, EventSignal } from '../../kernel/file/open-file.js';

/** Most of them a device. */
const MAX_IOEVENTFDS = 1000;

/** What a signal writes. */
export interface IoWrite {
  /** Offset in the device's file. */
  readonly offset: bigint;
  readonly data: bigint;
  /** Bytes: 1, 2 or 4. */
  readonly width: number;
}

export class IoEventFds {
  readonly #entries: { readonly write: IoWrite; readonly signal: EventSignal }[] = [];

  get count(): number {
    return this.#entries.length;
  }

  /**
   * Adds one, or with descriptor -1 takes one away.
   * @throws EEXIST, ENODEV, ENOSPC; EBADF, EINVAL for the eventfd
   */
  set(caller: Caller, write: IoWrite, fd: number): void {
    const at = this.#entries.findIndex(
      (it) => it.write.offset === write.offset && it.write.data === write.data && it.write.width === write.width,
    );
    if (fd === -1) {
      if (at < 0) throw new Errno('ENODEV', `no eventfd writes ${hex(write.data)} to ${hex(write.offset)}`);
      this.#entries.splice(at, 1)[0]?.signal.close();
      return;
    }
    if (at >= 0) throw new Errno('EEXIST', `an eventfd writes ${hex(write.data)} to ${hex(write.offset)} already`);
    if (this.#entries.length >= MAX_IOEVENTFDS) throw new Errno('ENOSPC', `the device has ${MAX_IOEVENTFDS} of them`);
    this.#entries.push({ write, signal: caller.eventfd(fd) });
  }

  /** Looks which were signalled. Returns what they write: once each, however often they were. */
  signalled(): IoWrite[] {
    return this.#entries.filter(({ signal }) => signal.take()).map(({ write }) => write);
  }

  release(): void {
    for (const { signal } of this.#entries.splice(0)) signal.close();
  }
}
