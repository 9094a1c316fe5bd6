/**
 * When the views are drawn again. The first change is shown with the next frame; while more and more come, a few times a
 * second is all that somebody can read, and the frames between belong to whoever scrolls, and to the program.
 */

/** Milliseconds between two drawings, while changes keep coming: at least, and at most. */
const REST = { least: 120, most: 500 };
/** And in times of what a drawing takes: on a busy machine the page gets no busier. */
const TIMES = 3;

export class Redraw {
  readonly #listeners = new Set<() => void>();
  /** A drawing is to come, or goes on. */
  #waits = false;
  /** Something is not drawn yet. */
  #changed = false;
  /** When it may be drawn again. */
  #next = 0;
  /** Another number after each change that was shown. */
  version = 0;

  /** Returns what ends it. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something changed. */
  changed(): void {
    this.#changed = true;
    if (!this.#waits) this.#wait();
  }

  #wait(): void {
    this.#waits = true;
    const rest = this.#next - performance.now();
    if (rest > 0) setTimeout(() => this.#soon(), rest);
    else this.#soon();
  }

  #soon(): void {
    requestAnimationFrame(() => {
      const begin = performance.now();
      this.#changed = false;
      this.version++;
      for (const listener of this.#listeners) listener();
      // Comes after layout and paint.
      setTimeout(() => {
        const now = performance.now();
        this.#next = now + Math.min(REST.most, Math.max(REST.least, TIMES * (now - begin)));
        if (this.#changed) this.#wait();
        else this.#waits = false;
      });
    });
  }
}
