/** Which events are shown: by process, file, call, errno. Names are judged once, then a row costs three look-ups. */
import type { EventStore } from '../source/event-store.js';

export interface Filter {
  readonly pid: string;
  /** Parts of names. */
  readonly file: string;
  readonly call: string;
  /** A name, `any` for every refusal, or empty. */
  readonly errno: string;
}

export const NO_FILTER: Filter = { pid: '', file: '', call: '', errno: '' };

/** For each name of the store: does it contain the text? Judged when it is first met. */
class Verdicts {
  readonly #text: string;
  readonly #of: boolean[] = [];

  constructor(text: string) {
    this.#text = text.toLowerCase();
  }

  get(names: readonly string[], id: number): boolean {
    let verdict = this.#of[id];
    if (verdict === undefined) {
      verdict = (names[id] as string).toLowerCase().includes(this.#text);
      this.#of[id] = verdict;
    }
    return verdict;
  }
}

/** The numbers of the events that a filter lets through; grows with the store. */
export class Filtered {
  readonly #store: EventStore;
  readonly #filter: Filter;
  readonly #all: boolean;
  readonly #calls: Verdicts;
  readonly #files: Verdicts;
  readonly #pid: number;
  #numbers = new Float64Array(1024);
  #from = 0;
  #to = 0;
  #next: number;

  constructor(store: EventStore, filter: Filter) {
    this.#store = store;
    this.#filter = filter;
    this.#all = !filter.pid && !filter.file && !filter.call && !filter.errno;
    this.#calls = new Verdicts(filter.call);
    this.#files = new Verdicts(filter.file);
    this.#pid = Number(filter.pid);
    this.#next = store.first;
  }

  /** How many there are. */
  get length(): number {
    return this.#all ? this.#store.end - this.#store.first : this.#to - this.#from;
  }

  /** The number of the event at a position. */
  at(position: number): number {
    return this.#all ? this.#store.first + position : (this.#numbers[this.#from + position] as number);
  }

  /** Where an event is, or the next one after it. */
  positionOf(number: number): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Looks at what came since. */
  update(): void {
    const { first, end } = this.#store;
    if (this.#all) return;
    while (this.#from < this.#to && (this.#numbers[this.#from] as number) < first) this.#from++;
    for (let number = Math.max(this.#next, first); number < end; number++) {
      if (!this.#lets(number)) continue;
      if (this.#to === this.#numbers.length) this.#grow();
      this.#numbers[this.#to++] = number;
    }
    this.#next = end;
  }

  #lets(number: number): boolean {
    const { pid, file, call, errno } = this.#filter;
    const { names } = this.#store;
    const row = this.#store.row(number);
    if (pid && row.pid !== this.#pid) return false;
    if (errno && (errno === 'any' ? row.errno === 0 : names[row.errno] !== errno)) return false;
    if (call && !this.#calls.get(names, row.call)) return false;
    return !file || this.#files.get(names, row.file);
  }

  #grow(): void {
    const kept = this.#numbers.subarray(this.#from, this.#to);
    const larger = new Float64Array(Math.max(1024, kept.length * 2));
    larger.set(kept);
    this.#numbers = larger;
    this.#to -= this.#from;
    this.#from = 0;
  }
}
