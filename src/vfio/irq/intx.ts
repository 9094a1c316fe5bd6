/**
 * The INTx line of an open device (linux-vfio.md, 5.6): level-triggered, masked by itself at each interrupt, and signalled
 * again at unmask while the function still asserts it. The virtual INTx-disable bit of the command register masks too.
 */
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/file/open-file.js';
import type { EventFds, IrqData, IrqRequest } from './request.js';

export class IntxIrq {
  #active = false;
  #trigger: EventSignal | undefined;
  /** An eventfd of the user whose signal unmasks. */
  #unmaskBy: EventSignal | undefined;
  #masked = false;
  /** The virtual INTx-disable bit. */
  #disabled = false;
  #asserted = false;

  get active(): boolean {
    return this.#active;
  }

  /** The function drives its line. */
  setLevel(asserted: boolean): void {
    this.#asserted = asserted;
    this.#deliver();
  }

  /** The virtual INTx-disable bit changed. */
  setDisabled(disabled: boolean): void {
    this.#disabled = disabled;
    if (!this.#active) return;
    if (disabled) this.#masked = true;
    else this.unmask();
  }

  #deliver(): void {
    if (!this.#active || this.#masked || !this.#asserted) return;
    this.#masked = true;
    this.#send();
  }

  #send(): void {
    if (!this.#disabled) this.#trigger?.signal();
  }

  unmask(): void {
    if (!this.#masked || this.#disabled) return;
    this.#masked = false;
    this.#deliver();
  }

  /** Serves TRIGGER; the caller has seen that no other kind of interrupt is active. @throws EINVAL, EBADF */
  trigger(caller: EventFds, { start, count, data }: IrqRequest): void {
    if (this.#active && count === 0 && data.kind === 'none') {
      this.disable();
      return;
    }
    one(start, count);
    if (data.kind === 'eventfd') {
      const fd = data.fds[0] ?? -1;
      const signal = fd < 0 ? undefined : caller.eventfd(fd);
      this.#trigger?.close();
      this.#trigger = signal;
      if (this.#active) return;
      this.#active = true;
      this.#masked = this.#disabled;
      this.#deliver();
      return;
    }
    this.#require();
    if (chosen(data)) this.#send();
  }

  /** Serves MASK. @throws EINVAL; ENOTTY for an eventfd */
  mask({ start, count, data }: IrqRequest): void {
    this.#require();
    one(start, count);
    if (data.kind === 'eventfd') throw new Errno('ENOTTY', 'an eventfd cannot mask');
    if (chosen(data)) this.#masked = true;
  }

  /** Serves UNMASK. @throws EINVAL; EBUSY there is an eventfd already; EBADF */
  unmaskRequest(caller: EventFds, { start, count, data }: IrqRequest): void {
    this.#require();
    one(start, count);
    if (data.kind !== 'eventfd') {
      if (chosen(data)) this.unmask();
      return;
    }
    const fd = data.fds[0] ?? -1;
    if (fd < 0) {
      this.#unmaskBy?.close();
      this.#unmaskBy = undefined;
      return;
    }
    const signal = caller.eventfd(fd);
    if (this.#unmaskBy) {
      signal.close();
      throw new Errno('EBUSY', 'an eventfd unmasks already');
    }
    this.#unmaskBy = signal;
    this.poll();
  }

  /** Looks whether the user signalled the unmask eventfd. Returns true if so. */
  poll(): boolean {
    if (!this.#unmaskBy?.take()) return false;
    this.unmask();
    return true;
  }

  /** Something outside can unmask: it has to be looked at from time to time. */
  get polled(): boolean {
    return this.#unmaskBy !== undefined;
  }

  disable(): void {
    this.#trigger?.close();
    this.#unmaskBy?.close();
    this.#trigger = undefined;
    this.#unmaskBy = undefined;
    this.#active = false;
    this.#masked = false;
  }

  #require(): void {
    if (!this.#active) throw new Errno('EINVAL', 'INTx is not enabled');
  }
}

function one(start: number, count: number): void {
  if (start !== 0 || count !== 1)
    throw new Errno('EINVAL', `INTx is interrupt 0 alone, not ${start} and count ${count}`);
}

const chosen = (data: IrqData): boolean => data.kind === 'none' || (data.kind === 'bool' && Boolean(data.values[0]));
