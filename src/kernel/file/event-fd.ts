/** A simulated eventfd (eventfd(2)), for simulated processes. */
import { Errno } from '../../abi/errno.js';
import { Facet } from './facet.js';
import type { FileTable } from './open-file.js';

export class EventFd {
  #count = 0n;

  get ready(): boolean {
    return this.#count > 0n;
  }

  signal(): void {
    this.#count++;
  }

  /** Sets the counter to zero. Returns true if it was not. */
  take(): boolean {
    const had = this.ready;
    this.#count = 0n;
    return had;
  }

  /** write(2): adds to the counter. @throws EINVAL other than 8 bytes */
  add(from: Uint8Array): number {
    if (from.length < 8) throw new Errno('EINVAL', 'an eventfd is written by 8 bytes');
    this.#count += new DataView(from.buffer, from.byteOffset).getBigUint64(0, true);
    return 8;
  }

  /** Reads the counter and sets it to zero. @throws EINVAL less than 8 bytes; EAGAIN it is zero */
  read(into: Uint8Array): number {
    if (into.length < 8) throw new Errno('EINVAL', 'an eventfd is read by 8 bytes');
    if (this.#count === 0n) throw new Errno('EAGAIN', 'the counter is zero');
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, this.#count, true);
    this.#count = 0n;
    return 8;
  }
}

/** The counter behind a descriptor. */
export const EVENT_FD = new Facet<EventFd>('eventfd');

export const EVENT_FD_TABLE: FileTable<EventFd> = {
  name: () => 'anon_inode:[eventfd]',
  read: (counter, _caller, into) => counter.read(into),
  write: (counter, _caller, from) => counter.add(from),
  poll: (counter) => ({ readable: counter.ready, writable: true }),
  facets: [EVENT_FD.from((counter: EventFd) => counter)],
};
