/** What tells that something ended: an epoll set with the descriptors that become readable, or fail, when it does. */
import { addressOf, check, libc } from '../host/libc.js';

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const EPOLLERR = 8;
/** Offset of the data in struct epoll_event: it is packed on x86-64 only. */
const EPOLL_DATA = process.arch === 'x64' ? 4 : 8;
/** Size of struct epoll_event, bytes. */
const EPOLL_EVENT = EPOLL_DATA + 8;
/** Most that one look finds. */
const MOST = 64;

export class Endings {
  /** Readable when something may have ended. */
  readonly epoll = check(libc.epoll_create1(EPOLL_CLOEXEC), 'epoll_create1');
  readonly #event = new DataView(new ArrayBuffer(16));
  readonly #events = new DataView(new ArrayBuffer(EPOLL_EVENT * MOST));

  /** Looks at a descriptor from now on, until it is closed. */
  watch(fd: number): void {
    this.#add(fd, EPOLLIN);
  }

  /** Looks at the end of a pipe, whose error says that the other end is closed. */
  watchEnd(fd: number): void {
    this.#add(fd, EPOLLERR);
  }

  /** The descriptors that say something now. */
  look(): number[] {
    const count = libc.epoll_wait(this.epoll, addressOf(this.#events), MOST, 0);
    return Array.from({ length: Math.max(count, 0) }, (_, i) =>
      this.#events.getInt32(i * EPOLL_EVENT + EPOLL_DATA, true),
    );
  }

  #add(fd: number, events: number): void {
    this.#event.setUint32(0, events, true);
    this.#event.setInt32(EPOLL_DATA, fd, true);
    check(libc.epoll_ctl(this.epoll, EPOLL_CTL_ADD, fd, addressOf(this.#event)), 'epoll_ctl');
  }
}
