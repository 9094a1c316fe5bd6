/**
 * The calls that come in: one poll over the listener, the event loop of Node, and everything that can end. Calls that wait
 * are received before the next one is served: only a call that was received is safe from being interrupted by a signal.
 */
import { eventLoop } from '../host/event-loop.js';
import { addressOf, errno, libc } from '../host/libc.js';
import type { Call } from '../seccomp/call.js';
import { Notification, wakeOnSameCpu } from '../seccomp/notification.js';

const POLLIN = 1;
const POLLHUP = 0x10;
const EINTR = 4;
/** For how many calls others are expected, after two waited at once. */
const CROWDED = 1000;
/** How often others are looked for while none is expected: at every 32nd call. */
const LOOK_MASK = 31;

/** What poll(2) found. */
export interface Ready {
  /** A call waits to be received. */
  readonly call: boolean;
  /** Nobody is left under the filter. */
  readonly over: boolean;
  /** Node's event loop has something to do. */
  readonly events: boolean;
  /** Something may have ended. */
  readonly endings: boolean;
}

export const NOTHING: Ready = { call: false, over: false, events: false, endings: false };

export class Intake {
  readonly #onFirst: (tid: number) => void;
  #listener = -1;
  readonly #queue: Call[] = [];
  readonly #free: Notification[] = [];
  readonly #polls = new DataView(new ArrayBuffer(24));
  readonly #pollsAddress = addressOf(this.#polls);
  #received = 0;
  /** So many calls more, others are expected to wait. */
  #crowded = 0;

  /** @param onFirst told of the thread that makes the first call */
  constructor(onFirst: (tid: number) => void) {
    this.#onFirst = onFirst;
  }

  /** @param endings readable when something may have ended */
  listen(listener: number, endings: number): void {
    this.#listener = listener;
    wakeOnSameCpu(listener);
    [listener, eventLoop, endings].forEach((fd, i) => {
      this.#polls.setInt32(i * 8, fd, true);
      this.#polls.setInt16(i * 8 + 4, POLLIN, true);
    });
  }

  /** A call was received and waits to be served. */
  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Looks what there is. @param timeout milliseconds; -1: waits for ever */
  poll(timeout: number): Ready {
    const ready = libc.poll(this.#pollsAddress, 3, timeout);
    if (ready < 0 && errno() !== EINTR) throw new Error(`poll: ${libc.strerror(errno())}`);
    if (ready <= 0) return NOTHING;
    const listener = this.#polls.getInt16(6, true);
    return {
      call: (listener & POLLIN) !== 0,
      over: (listener & POLLHUP) !== 0,
      events: this.#polls.getInt16(14, true) !== 0,
      endings: this.#polls.getInt16(22, true) !== 0,
    };
  }

  /** Receives a call that waits. Returns true if it is likely that others do. */
  receive(): boolean {
    const notification = this.#free.pop() ?? new Notification(this.#listener);
    if (!notification.receive()) {
      this.#free.push(notification);
      return false;
    }
    if (this.#received++ === 0) this.#onFirst(notification.tid);
    this.#queue.push(notification);
    if (this.#queue.length > 1) this.#crowded = CROWDED;
    return this.#crowded-- > 0 || (this.#received & LOOK_MASK) === 0;
  }

  /** The next call to be served. */
  next(): Call | undefined {
    return this.#queue.shift();
  }

  /** Calls that are served before the others. */
  first(calls: readonly Call[]): void {
    this.#queue.unshift(...calls);
  }

  /** What was used for these calls can be used again. */
  done(...calls: readonly Call[]): void {
    for (const call of calls) if (call instanceof Notification) this.#free.push(call);
  }
}
