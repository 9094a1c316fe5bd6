/**
 * A file that programs read records from: faults, events. The queue is bounded; when it is full the oldest records are
 * kept, and one last record says that something was dropped (uapi-ioasid.md, 2.3).
 */
import { Errno } from '../../abi/errno.js';
import { Facet } from './facet.js';
import type { FileTable } from './open-file.js';

/** Most records that wait to be read, the one that says LOST among them. */
export const QUEUE_LENGTH = 64;

export class RecordStream {
  readonly name: string;
  readonly #lost: () => Uint8Array;
  readonly #onRelease: () => void;
  readonly #records: Uint8Array[] = [];
  #dropped = false;

  /** @param lost makes the record that says that others were dropped */
  constructor(name: string, lost: () => Uint8Array, onRelease: () => void) {
    this.name = name;
    this.#lost = lost;
    this.#onRelease = onRelease;
  }

  /** So many records can be queued now, and none would be dropped. If not, one record says that something was. */
  fits(records: number): boolean {
    if (this.#records.length + records < QUEUE_LENGTH) return true;
    this.#lose();
    return false;
  }

  /** Queues a record. Returns false if it was dropped. */
  post(record: Uint8Array): boolean {
    if (!this.fits(1)) return false;
    this.#dropped = false;
    this.#records.push(record);
    return true;
  }

  #lose(): void {
    if (this.#dropped || this.#records.length >= QUEUE_LENGTH) return;
    this.#dropped = true;
    this.#records.push(this.#lost());
  }

  /** The next record; it stays. */
  get head(): Uint8Array | undefined {
    return this.#records[0];
  }

  /** A record that was read comes first again. */
  putBack(record: Uint8Array): void {
    this.#records.unshift(record);
  }

  /** Takes the next record away. */
  drop(): void {
    this.#records.shift();
  }

  /** Gives one record. @throws EAGAIN, EINVAL */
  read(into: Uint8Array): number {
    const { head: first } = this;
    if (!first) throw new Errno('EAGAIN', `${this.name} has no record now`);
    if (into.length < first.length) throw new Errno('EINVAL', `a record has ${first.length} bytes, not ${into.length}`);
    into.set(first);
    this.drop();
    return first.length;
  }

  get readable(): boolean {
    return this.#records.length > 0;
  }

  /** The last close. */
  release(): void {
    this.#onRelease();
  }
}

/** The records behind a descriptor: for a host that shows them to readers of its own. */
export const RECORDS = new Facet<RecordStream>('records');

export const RECORD_STREAM_TABLE: FileTable<RecordStream> = {
  name: (stream) => stream.name,
  read: (stream, _caller, into) => stream.read(into),
  putBack: (stream, record) => stream.putBack(record),
  poll: (stream) => ({ readable: stream.readable, writable: false }),
  release: (stream) => stream.release(),
  facets: [RECORDS.from((stream: RecordStream) => stream)],
};
