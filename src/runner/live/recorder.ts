/**
 * What happened and was not told yet: a ring of columns. It is cheap to add to, because nothing is made that lives on and
 * an event becomes text only when it is told; the oldest is lost when the ring is full, and the loss is counted.
 */
import type { CallRecord } from '../../kernel/watchers.js';
import { callEvent, noteEvent, type TraceEvent } from '../../trace/json.js';
import { FieldRing, ROOM, type Shape } from './field-ring.js';

/** Events that wait at most. */
export const RING = 1 << 16;
/** While nobody reads. */
export const UNREAD = 1 << 12;

const column = (): (string | undefined)[] => new Array<string | undefined>(RING);
const shapes = (): (Shape | undefined)[] => new Array<Shape | undefined>(RING);
/** Stands for a number that is not there. */
const NONE = Number.NaN;
const given = (value: number | undefined): number | undefined =>
  value === undefined || Number.isNaN(value) ? undefined : value;

export class Recorder {
  readonly #time = new Float64Array(RING);
  readonly #pid = new Uint32Array(RING);
  readonly #tid = new Uint32Array(RING);
  readonly #fd = new Float64Array(RING);
  readonly #request = new Float64Array(RING);
  readonly #result = new Float64Array(RING);
  /** Where the fields of an event begin. */
  readonly #from = new Float64Array(RING);
  /** The name of a call; undefined: a note. */
  readonly #call = column();
  /** Of a note, its subject. */
  readonly #file = column();
  readonly #ioctl = column();
  readonly #errno = column();
  /** Why a call was refused; what a note says. */
  readonly #text = column();
  readonly #input = shapes();
  readonly #output = shapes();
  readonly #fields = new FieldRing();
  /** Number of the next event, and of the first that waits. */
  #next = 0;
  #first = 0;
  #lost = 0;
  /** Somebody reads. */
  read = false;

  /** Events so far. */
  get total(): number {
    return this.#next;
  }

  get waiting(): number {
    return this.#next - this.#first;
  }

  call(time: number, record: CallRecord): void {
    const { call, name, input, output, error } = record;
    const at = this.#begin(time);
    this.#pid[at] = record.pid;
    this.#tid[at] = record.tid;
    this.#fd[at] = record.fd ?? NONE;
    this.#request[at] = record.request ?? NONE;
    this.#result[at] = record.result;
    this.#call[at] = call;
    this.#file[at] = record.file;
    this.#ioctl[at] = name;
    this.#errno[at] = error?.code;
    this.#text[at] = error?.message;
    const kind = name ?? call;
    this.#input[at] = input && this.#fields.keep(input, kind);
    this.#output[at] = output && this.#fields.keep(output, kind);
    this.#next++;
    while ((this.#from[this.#first % RING] as number) < this.#fields.next - ROOM) this.#lose();
  }

  note(time: number, subject: string, text: string): void {
    const at = this.#begin(time);
    this.#call[at] = undefined;
    this.#file[at] = subject;
    this.#text[at] = text;
    this.#next++;
  }

  /** Takes the oldest events out. @returns and how many were lost before the first of them */
  take(most: number): { events: TraceEvent[]; lost: number } {
    const events: TraceEvent[] = [];
    const lost = this.#lost;
    this.#lost = 0;
    while (events.length < most && this.#first < this.#next) events.push(this.#event(this.#first++ % RING));
    return { events, lost };
  }

  /** Makes room. Returns the place of the event that comes. */
  #begin(time: number): number {
    const room = this.read ? RING : UNREAD;
    while (this.waiting >= room) this.#lose();
    const at = this.#next % RING;
    this.#time[at] = time;
    this.#from[at] = this.#fields.next;
    return at;
  }

  #lose(): void {
    this.#first++;
    this.#lost++;
  }

  #event(at: number): TraceEvent {
    const time = Math.round((this.#time[at] as number) * 1000) / 1000;
    const [call, text] = [this.#call[at], this.#text[at] ?? ''];
    if (call === undefined) return noteEvent(time, this.#file[at] ?? '', text);
    const [input, output, code] = [this.#input[at], this.#output[at], this.#errno[at]];
    const from = this.#from[at] as number;
    return callEvent(time, {
      pid: this.#pid[at] as number,
      tid: this.#tid[at] as number,
      call,
      fd: given(this.#fd[at]),
      file: this.#file[at],
      name: this.#ioctl[at],
      request: given(this.#request[at]),
      result: this.#result[at] as number,
      input: input && this.#fields.read(input, from),
      output: output && this.#fields.read(output, from + (input?.names.length ?? 0)),
      error: code === undefined ? undefined : { code, message: text },
    });
  }
}
