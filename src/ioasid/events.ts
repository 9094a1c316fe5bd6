/** The event fds of a context (uapi-ioasid.md, 2): each reads every event from its making on. */
import { EVENT } from '../abi/ioasid/constants.js';
import { ioasid_event } from '../abi/ioasid/structs.js';
import { RecordStream } from '../kernel/file/record-stream.js';
import { allocation } from '../memory/allocation.js';

function record(type: number, ioasid: number, cookie: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(ioasid_event.size));
  ioasid_event.set.argsz(view, ioasid_event.size);
  ioasid_event.set.type(view, type);
  ioasid_event.set.ioasid(view, ioasid);
  ioasid_event.set.cookie(view, cookie);
  return new Uint8Array(view.buffer);
}

export class Events {
  readonly #streams = new Set<RecordStream>();

  open(): RecordStream {
    allocation('an event queue');
    const stream: RecordStream = new RecordStream(
      'anon_inode:ioasid-event',
      () => record(EVENT.IOASID_EVENT_LOST, 0, 0n),
      () => this.#streams.delete(stream),
    );
    this.#streams.add(stream);
    return stream;
  }

  emit(type: number, ioasid: number, cookie: bigint): void {
    for (const stream of this.#streams) stream.post(record(type, ioasid, cookie));
  }
}
