/** Timers on the machine's clock. Nothing happens by itself: whoever runs the machine calls run() when time passed. */
export class Timers {
  readonly #now: () => number;
  readonly #pending = new Set<{ at: number; act: () => void }>();

  /** @param now the machine's clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls back after `delay` milliseconds. Returns a function that cancels it. */
  schedule(delay: number, act: () => void): () => void {
    const timer = { at: this.#now() + delay, act };
    this.#pending.add(timer);
    return () => this.#pending.delete(timer);
  }

  /** When the next timer is due, milliseconds; undefined: there is none. */
  next(): number | undefined {
    let next: number | undefined;
    for (const { at } of this.#pending) if (next === undefined || at < next) next = at;
    return next;
  }

  /** Runs what is due, in the order of time. */
  run(): void {
    const now = this.#now();
    const due = [...this.#pending].filter((timer) => timer.at <= now).sort((a, b) => a.at - b.at);
    for (const timer of due) if (this.#pending.delete(timer)) timer.act();
  }
}
