/** An interrupt that is one eventfd of the user: an error of the device, or the request to let it go. */
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/file/open-file.js';
import type { EventFds, IrqRequest } from './request.js';

export class SingleIrq {
  #signal: EventSignal | undefined;

  /** Signals the user. Returns false if nobody listens. */
  raise(): boolean {
    this.#signal?.signal();
    return this.#signal !== undefined;
  }

  /** Serves TRIGGER. @throws EINVAL, EBADF */
  trigger(caller: EventFds, { count, data }: IrqRequest): void {
    if (data.kind === 'none') {
      if (!this.#signal) throw new Errno('EINVAL', 'no eventfd is set');
      if (count > 0) this.#signal.signal();
      else this.release();
      return;
    }
    if (count === 0) throw new Errno('EINVAL', 'count is 0 with data');
    if (data.kind === 'bool') {
      if (data.values[0]) this.raise();
      return;
    }
    const fd = data.fds[0] ?? -1;
    if (fd < -1) throw new Errno('EINVAL', `descriptor ${fd}: -1 takes the eventfd away`);
    const signal = fd === -1 ? undefined : caller.eventfd(fd);
    this.release();
    this.#signal = signal;
  }

  /** Drops the eventfd. */
  release(): void {
    this.#signal?.close();
    this.#signal = undefined;
  }
}
