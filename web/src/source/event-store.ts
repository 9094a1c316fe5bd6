/**
 * The trace in the page: columns for what is filtered by, bytes of JSON for the rest, in segments; the same rest is kept
 * once. The oldest segment goes when there are too many, and leaves a gap that is told.
 */
import type { TraceEvent } from '../../../src/trace/json.js';

const SEGMENT_SHIFT = 15;
/** Events in a segment. */
export const SEGMENT = 1 << SEGMENT_SHIFT;
/** Events that are kept at most. */
const DEFAULT_LIMIT = 2 ** 21;
/** Bytes that a segment begins with. */
const ROOM = 1 << 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Strings as small numbers; 0 is the empty string. */
class Names {
  readonly all: string[] = [''];
  readonly #ids = new Map<string, number>([['', 0]]);

  idOf(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.all.push(name) - 1;
      this.#ids.set(name, id);
    }
    return id;
  }
}

class Segment {
  readonly time = new Float64Array(SEGMENT);
  readonly pid = new Uint32Array(SEGMENT);
  readonly fd = new Int32Array(SEGMENT);
  readonly call = new Uint32Array(SEGMENT);
  readonly file = new Uint32Array(SEGMENT);
  readonly errno = new Uint16Array(SEGMENT);
  /** Where the rest of an event lies. */
  readonly start = new Uint32Array(SEGMENT);
  readonly length = new Uint32Array(SEGMENT);
  #rest = new Uint8Array(ROOM);
  #used = 0;
  /** Events by their rest, while more come: drivers do the same again and again. */
  #same: Map<string, number> | undefined = new Map();

  keep(i: number, text: string): void {
    const same = this.#same?.get(text);
    if (same !== undefined) {
      this.start[i] = this.start[same] as number;
      this.length[i] = this.length[same] as number;
      return;
    }
    this.#same?.set(text, i);
    // A character takes at most three bytes.
    const most = this.#used + text.length * 3;
    if (most > this.#rest.length) this.#resize(Math.max(most, this.#rest.length * 2));
    this.start[i] = this.#used;
    this.length[i] = encoder.encodeInto(text, this.#rest.subarray(this.#used)).written;
    this.#used += this.length[i] as number;
  }

  text(i: number): string {
    const start = this.start[i] as number;
    return decoder.decode(this.#rest.subarray(start, start + (this.length[i] as number)));
  }

  /** No more events come. */
  close(): void {
    this.#same = undefined;
    this.#resize(this.#used);
  }

  #resize(size: number): void {
    const other = new Uint8Array(size);
    other.set(this.#rest.subarray(0, this.#used));
    this.#rest = other;
  }
}

/** What is filtered by, of one event. Names are numbers, see `EventStore.names`. */
export interface Row {
  readonly pid: number;
  readonly call: number;
  readonly file: number;
  readonly errno: number;
}

/** Events that did not reach the page. */
export interface Gap {
  /** They were before the event with this number. */
  readonly before: number;
  readonly lost: number;
}

export class EventStore {
  readonly #names = new Names();
  readonly #limit: number;
  #segments: Segment[] = [];
  /** Number of the first event that is still here. */
  first = 0;
  /** Number of the next event. */
  end = 0;
  gaps: Gap[] = [];

  /** @param limit events that are kept, a multiple of SEGMENT */
  constructor(limit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /** Names by their number: of calls, files and errors. */
  get names(): readonly string[] {
    return this.#names.all;
  }

  /** Events did not reach the page, after those that are here. */
  miss(lost: number): void {
    if (lost === 0) return;
    const last = this.gaps.at(-1);
    if (last?.before === this.end) this.gaps[this.gaps.length - 1] = { before: this.end, lost: last.lost + lost };
    else this.gaps.push({ before: this.end, lost });
  }

  append(event: TraceEvent): void {
    const i = this.end & (SEGMENT - 1);
    if (i === 0) this.#grow();
    const segment = this.#segments.at(-1) as Segment;
    const { time, pid, fd, file, errno, ioctl, call, ...rest } = event;
    segment.time[i] = time;
    segment.pid[i] = pid ?? 0;
    segment.fd[i] = fd ?? -1;
    segment.call[i] = this.#names.idOf(ioctl ?? call);
    segment.file[i] = this.#names.idOf(file ?? '');
    segment.errno[i] = this.#names.idOf(errno ?? '');
    const text = JSON.stringify(ioctl === undefined ? rest : { ...rest, ioctl });
    segment.keep(i, text);
    this.end++;
  }

  /** The event with a number from `first` to `end` - 1. */
  at(number: number): TraceEvent {
    const segment = this.#segment(number);
    const i = number & (SEGMENT - 1);
    const rest: Partial<TraceEvent> = JSON.parse(segment.text(i));
    const { file, errno, pid, call } = this.row(number);
    const fd = segment.fd[i] as number;
    return {
      ...rest,
      time: this.timeOf(number),
      call: rest.ioctl === undefined ? (this.names[call] as string) : 'ioctl',
      ...(pid !== 0 && { pid }),
      ...(fd >= 0 && { fd }),
      ...(file !== 0 && { file: this.names[file] as string }),
      ...(errno !== 0 && { errno: this.names[errno] as string }),
    };
  }

  /** Milliseconds. */
  timeOf(number: number): number {
    return this.#segment(number).time[number & (SEGMENT - 1)] as number;
  }

  row(number: number): Row {
    const { pid, call, file, errno } = this.#segment(number);
    const i = number & (SEGMENT - 1);
    return { pid: pid[i] as number, call: call[i] as number, file: file[i] as number, errno: errno[i] as number };
  }

  /** The first event at or after a time. */
  find(time: number): number {
    let [low, high] = [this.first, this.end];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.timeOf(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #segment(number: number): Segment {
    const segment = this.#segments[(number - this.first) >>> SEGMENT_SHIFT];
    if (number < this.first || number >= this.end || !segment) throw new RangeError(`no event ${number}`);
    return segment;
  }

  #grow(): void {
    this.#segments.at(-1)?.close();
    this.#segments.push(new Segment());
    if (this.end - this.first < this.#limit) return;
    this.#segments.shift();
    this.first += SEGMENT;
    const lost = this.gaps.filter(({ before }) => before < this.first).reduce((sum, gap) => sum + gap.lost, 0);
    this.gaps = this.gaps.filter(({ before }) => before >= this.first);
    this.gaps.unshift({ before: this.first, lost: lost + SEGMENT });
  }
}
