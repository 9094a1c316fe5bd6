/** Rights, attachments and calls over time, from the trace: each lane is a list of spans on one axis. */
import type { EventStore } from '../source/event-store.js';

/** What began or ended something: words, or the number of a note, which tells no cause itself. */
type Cause = string | number;

export interface Span {
  readonly from: number;
  /** undefined: it still lasts. */
  to: number | undefined;
  readonly by: Cause;
  endedBy: Cause | undefined;
}

export interface Lane {
  readonly name: string;
  readonly kind: 'right' | 'attached';
  readonly spans: Span[];
}

export class Lanes {
  readonly #store: EventStore;
  readonly #lanes = new Map<string, Lane>();
  #next: number;

  constructor(store: EventStore) {
    this.#store = store;
    this.#next = store.first;
  }

  get all(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  /** A cause in words. What led to a note is reported after it: a call, or another note. */
  words(cause: Cause | undefined): string {
    if (typeof cause !== 'number') return cause ?? '';
    const { first, end } = this.#store;
    if (cause < first) return '';
    const { time } = this.#store.at(cause);
    for (let number = cause + 1; number < end && this.#store.timeOf(number) - time < 1; number++) {
      const event = this.#store.at(number);
      if (event.call !== 'note') return event.ioctl ?? event.call;
      if (!GIVEN.test(event.text ?? '') && !TAKEN.test(event.text ?? '')) return `${event.subject} ${event.text}`;
    }
    return 'the clock';
  }

  /** Looks at what came since. */
  update(): void {
    const { names, end, first } = this.#store;
    for (let number = Math.max(this.#next, first); number < end; number++) {
      const { call, errno } = this.#store.row(number);
      if (errno !== 0) continue;
      const name = names[call] as string;
      if (name === 'note') this.#note(number);
      else if (ATTACHES.has(name) || DETACHES.has(name)) this.#attachment(number, name);
    }
    this.#next = end;
  }

  #note(number: number): void {
    const { time, subject = '', text = '' } = this.#store.at(number);
    if (GIVEN.test(text)) this.#open(`right ${subject}`, subject, 'right', time, number);
    else if (TAKEN.test(text)) this.#close(`right ${subject}`, time, number);
    else if (text.includes('unplugged')) this.#close(`attached ${subject}`, time, 'unplugged');
  }

  #attachment(number: number, name: string): void {
    const { time, file = '', args } = this.#store.at(number);
    const device = file.slice(file.lastIndexOf('/') + 1);
    const what = args?.ioasid !== undefined ? `IOASID ${args.ioasid}` : name;
    if (ATTACHES.has(name)) this.#open(`attached ${device}`, device, 'attached', time, what);
    else this.#close(`attached ${device}`, time, name);
  }

  #open(key: string, name: string, kind: Lane['kind'], time: number, by: Cause): void {
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { name, kind, spans: [] };
      this.#lanes.set(key, lane);
    }
    const last = lane.spans.at(-1);
    if (last && last.to === undefined) {
      last.to = time;
      last.endedBy = by;
    }
    lane.spans.push({ from: time, to: undefined, by, endedBy: undefined });
  }

  #close(key: string, time: number, why: Cause): void {
    const last = this.#lanes.get(key)?.spans.at(-1);
    if (!last || last.to !== undefined) return;
    last.to = time;
    last.endedBy = why;
  }
}

/** Of the guest of a VM, and of an open file. */
const GIVEN = /may flush the caches now|has the right to flush the caches now/;
const TAKEN = /may no longer flush|has the right to flush no longer/;
const ATTACHES: ReadonlySet<string> = new Set(['VFIO_ATTACH_IOASID', 'VFIO_DEVICE_ATTACH_IOMMUFD_PT']);
const DETACHES: ReadonlySet<string> = new Set([
  'VFIO_DETACH_IOASID',
  'VFIO_DEVICE_DETACH_IOMMUFD_PT',
  'VFIO_UNBIND_IOASID_FD',
]);
