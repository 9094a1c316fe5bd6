/**
 * What happened and was not told yet: a ring of records. It is cheap to add to, because a record becomes text only when
 * it is told; the oldest is lost when the ring is full, and the loss is counted.
 */
import type { CallRecord } from '../../kernel/watchers.js';
import { callEvent, noteEvent, type TraceEvent } from '../../trace/json.js';

/** Records that wait at most. */
export const RING = 1 << 16;
/** While nobody reads: what lives long costs the collector of garbage, and so the program. */
export const UNREAD = 1 << 12;

type Entry = { readonly time: number; readonly record: CallRecord } | TraceEvent;

export class Recorder {
  readonly #ring: (Entry | undefined)[] = [];
  /** Number of the next record, and of the first that waits. */
  #next = 0;
  #first = 0;
  #lost = 0;
  /** Somebody reads. */
  read = false;

  /** Records so far. */
  get total(): number {
    return this.#next;
  }

  get waiting(): number {
    return this.#next - this.#first;
  }

  call(time: number, record: CallRecord): void {
    this.#add({ time, record });
  }

  note(time: number, subject: string, text: string): void {
    this.#add(noteEvent(time, subject, text));
  }

  /** Takes the oldest records out. @returns and how many were lost before the first of them */
  take(most: number): { events: TraceEvent[]; lost: number } {
    const events: TraceEvent[] = [];
    const lost = this.#lost;
    this.#lost = 0;
    while (events.length < most && this.#first < this.#next) {
      const at = this.#first++ % RING;
      const entry = this.#ring[at];
      this.#ring[at] = undefined;
      if (entry) events.push('record' in entry ? callEvent(entry.time, entry.record) : entry);
    }
    return { events, lost };
  }

  #add(entry: Entry): void {
    const room = this.read ? RING : UNREAD;
    while (this.waiting >= room) {
      this.#ring[this.#first++ % RING] = undefined;
      this.#lost++;
    }
    this.#ring[this.#next++ % RING] = entry;
  }
}
