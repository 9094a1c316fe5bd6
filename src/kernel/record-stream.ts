/**
 * A file that programs read records from: faults, events. The queue is bounded; when it is full the oldest records are
 * kept, and one last record says that something was dropped (uapi-ioasid.md, 2.3).
 */
import { Errno } from '../abi/errno.js';
import { Facet } from './facet.js';
import type { FileTable } from './open-file.js';

/** Most records that wait to be read, the one that says LOST among them. */
export const QUEUE_LENGTH = 64;

/** Where records wait: in the stream, or in a pipe of the host. */
export interface RecordSink {
  /** Records that wait to be read. */
  readonly waiting: number;
  put(record: Uint8Array): void;
}

class ArraySink implements RecordSink {
  readonly records: Uint8Array[] = [];
  get waiting(): number {
    return this.records.length;
  }
  put(record: Uint8Array): void {
    this.records.push(record);
  }
}

export class RecordStream {
  readonly name: string;
  readonly #lost: () => Uint8Array;
  readonly #onRelease: () => void;
  readonly #own = new ArraySink();
  #sink: RecordSink = this.#own;
  #dropped = false;

  /** @param lost makes the record that says that others were dropped */
  constructor(name: string, lost: () => Uint8Array, onRelease: () => void) {
    this.name = name;
    this.#lost = lost;
    this.#onRelease = onRelease;
  }

  /** Lets records wait elsewhere from now on. */
  use(sink: RecordSink): void {
    for (const record of this.#own.records.splice(0)) sink.put(record);
    this.#sink = sink;
  }

  /** So many records can be queued now, and none would be dropped. If not, one record says that something was. */
  fits(records: number): boolean {
    if (this.#sink.waiting + records < QUEUE_LENGTH) return true;
    this.#lose();
    return false;
  }

  /** Queues a record. Returns false if it was dropped. */
  post(record: Uint8Array): boolean {
    if (!this.fits(1)) return false;
    this.#dropped = false;
    this.#sink.put(record);
    return true;
  }

  #lose(): void {
    if (this.#dropped || this.#sink.waiting >= QUEUE_LENGTH) return;
    this.#dropped = true;
    this.#sink.put(this.#lost());
  }

  /** Gives one record. @throws EAGAIN, EINVAL */
  read(into: Uint8Array): number {
    const { records } = this.#own;
    const [first] = records;
    if (!first) throw new Errno('EAGAIN', `${this.name} has no record now`);
    if (into.length < first.length) throw new Errno('EINVAL', `a record has ${first.length} bytes, not ${into.length}`);
    into.set(first);
    records.shift();
    return first.length;
  }

  get readable(): boolean {
    return this.#own.records.length > 0;
  }

  /** The last close. */
  release(): void {
    this.#onRelease();
  }
}

/** The records behind a descriptor: for a host that has a queue of its own for them. */
export const RECORDS = new Facet<RecordStream>('records');

export const RECORD_STREAM_TABLE: FileTable<RecordStream> = {
  name: (stream) => stream.name,
  read: (stream, _caller, into) => stream.read(into),
  poll: (stream) => ({ readable: stream.readable, writable: false }),
  release: (stream) => stream.release(),
  facets: [RECORDS.from((stream: RecordStream) => stream)],
};
