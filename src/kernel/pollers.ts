/**
 * Pollers: devices whose registers programs map. A store into such a page is no system call; it is seen by looking.
 * Nothing happens by itself: whoever runs the machine calls poll() after each call that it served and, while wait() says
 * so, in a loop that spins while a device is busy and backs off when nothing moves.
 */

export interface Poller {
  /** A program may store without a call: the poller must be asked again and again. */
  readonly watched: boolean;
  /** Looks, and does at most a step of work. Returns true if something was found or done. */
  poll(): boolean;
}

/** How long the loop spins after something moved, milliseconds: programs answer a completion within this time. */
const SPIN = 1;
/**
 * How long it rests between two looks when nothing moves, milliseconds; and when nothing did for a second: waking up costs
 * a tenth of a millisecond on a busy host, and drivers that come back after so long do not count in microseconds.
 */
const REST = 1;
const LONG_REST = 20;
const LONG_AFTER = 1000;

export class Pollers {
  readonly #now: () => number;
  readonly #pollers = new Set<Poller>();
  #moved = Number.NEGATIVE_INFINITY;

  /** @param now the machine's clock, milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Asks a poller from now on. Returns a function that ends it. */
  add(poller: Poller): () => void {
    this.#pollers.add(poller);
    return () => this.#pollers.delete(poller);
  }

  /** Asks each poller once. Returns true if something moved. */
  poll(): boolean {
    if (this.#pollers.size === 0) return false;
    let moved = false;
    for (const poller of this.#pollers) if (poller.poll()) moved = true;
    if (moved) this.#moved = this.#now();
    return moved;
  }

  /** Until when poll() can wait, milliseconds from now: 0 while something moves; undefined: until the next call. */
  wait(): number | undefined {
    if (this.#pollers.size === 0) return undefined;
    const still = this.#now() - this.#moved;
    const spinning = still < SPIN;
    const rest = still < LONG_AFTER ? REST : LONG_REST;
    for (const { watched } of this.#pollers) if (watched) return spinning ? 0 : rest;
    // Nobody can store unseen, but a device may still have work.
    return spinning ? 0 : undefined;
  }
}
