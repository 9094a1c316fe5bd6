/**
 * A queue of events of a virtual IOMMU (linux-iommufd.md, 12). When it is full, events are dropped: each still takes a sequence
 * number, and one record at the tail says that events were lost.
 */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD, iommufd_vevent_header } from '../../abi/iommufd.js';
import type { FileTable } from '../../kernel/file/open-file.js';
import { IommufdObject } from '../objects.js';
import type { Keeper } from './keeper.js';

/** An event; without data: the record that says that events were lost. */
interface Vevent {
  readonly sequence: number;
  readonly data: Uint8Array | undefined;
}

const HEADER = iommufd_vevent_header.size;
const MAX_SEQUENCE = 0x7fffffff;
/** Most events that a queue may hold. */
export const MAX_DEPTH = 1 << 19;

export class VeventQueue extends IommufdObject {
  readonly kind = 'vevent queue';
  readonly type: number;
  /** The virtual IOMMU. */
  readonly owner: IommufdObject;
  readonly #depth: number;
  readonly #leave: (queue: VeventQueue) => void;
  readonly #events: Vevent[] = [];
  /** Events that wait, the record of lost ones not counted. */
  #count = 0;
  #sequence = 0;
  /** What the last read gave. */
  #given: Vevent[] = [];

  /** @param leave told when it is destroyed */
  constructor(type: number, owner: IommufdObject, depth: number, leave: (queue: VeventQueue) => void) {
    super();
    this.type = type;
    this.owner = owner;
    this.#depth = depth;
    this.#leave = leave;
    owner.users++;
  }

  get readable(): boolean {
    return this.#events.length > 0;
  }

  /** Queues an event, or counts it as lost. */
  report(data: Uint8Array): void {
    if (this.#events.at(-1)?.data === undefined) this.#events.pop();
    const full = this.#count === this.#depth;
    if (!full) this.#count++;
    this.#events.push({ sequence: this.#sequence, data: full ? undefined : data });
    this.#sequence = this.#sequence === MAX_SEQUENCE ? 0 : this.#sequence + 1;
  }

  /** Gives whole records. Returns bytes. @throws EINVAL less than a header, or the first record does not fit */
  read(into: Uint8Array): number {
    if (into.length < HEADER) throw new Errno('EINVAL', `${into.length} bytes are less than a header of ${HEADER}`);
    this.#given = [];
    let done = 0;
    for (let event = this.#events[0]; event; event = this.#events[0]) {
      const size = HEADER + (event.data?.length ?? 0);
      if (size > into.length - done) {
        if (done === 0)
          throw new Errno('EINVAL', `the first event has ${size} bytes, and there is room for ${into.length}`);
        break;
      }
      this.#events.shift();
      this.#given.push(event);
      if (event.data) this.#count--;
      const view = new DataView(into.buffer, into.byteOffset + done, HEADER);
      iommufd_vevent_header.set.flags(view, event.data ? 0 : IOMMUFD.IOMMU_VEVENTQ_FLAG_LOST_EVENTS);
      iommufd_vevent_header.set.sequence(view, event.sequence);
      if (event.data) into.set(event.data, done + HEADER);
      done += size;
    }
    return done;
  }

  /** What was read last did not arrive: it waits again. */
  putBack(): void {
    this.#events.unshift(...this.#given);
    for (const event of this.#given) if (event.data) this.#count++;
    this.#given = [];
  }

  destroy(): void {
    this.#leave(this);
    this.owner.users--;
  }
}

/** The open file of a queue. */
export interface VeventFile {
  readonly queue: VeventQueue;
  readonly keeper: Keeper;
}

export const VEVENT_FILE: FileTable<VeventFile> = {
  name: () => 'anon_inode:[iommufd-viommu-event]',
  read: ({ queue }, _caller, into) => queue.read(into),
  putBack: ({ queue }) => queue.putBack(),
  immediate: true,
  poll: ({ queue }) => ({ readable: queue.readable, writable: false }),
  release({ queue, keeper }) {
    queue.users--;
    keeper.put();
  },
};
