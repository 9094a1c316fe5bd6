/**
 * How often each frame of a backing object is pinned (Linux: the pin part of a page's reference count, pin_user_pages).
 * Kept as runs of equal counts, so that pinning a gigabyte costs what pinning a page costs.
 */
import { IntervalMap } from './intervals/interval-map.js';

export class PinCounts {
  /** Runs of frames; the target of a run is its count. */
  readonly #runs = new IntervalMap();

  /** True while any frame is pinned. */
  get any(): boolean {
    return this.#runs.count > 0;
  }

  /** Adds `by` (1 or -1) to every frame of [first, first+frames). A count that falls to 0 is forgotten. */
  add(first: number, frames: number, by: 1 | -1): void {
    const end = first + frames;
    const runs = this.#runs;
    this.#cut(first);
    this.#cut(end);
    const holes: { start: number; frames: number; count: number }[] = [];
    let at = first;
    for (let more = runs.seek(first); more && runs.start < end; ) {
      const { start, pages, target } = runs;
      if (start > at) holes.push({ start: at, frames: start - at, count: by });
      at = start + pages;
      if (target + by > 0) holes.push({ start, frames: pages, count: target + by });
      more = runs.remove();
    }
    if (at < end) holes.push({ start: at, frames: end - at, count: by });
    for (const { start, frames: length, count } of holes) {
      if (count < 0) throw new Error(`frame ${start} is not pinned`);
      runs.insert(start, length, count, 0);
    }
  }

  /** Calls back for the runs of equal count that make up [first, first+frames), in order. */
  forEach(first: number, frames: number, visit: (first: number, frames: number, count: number) => void): void {
    const end = first + frames;
    let at = first;
    const runs = this.#runs;
    for (let more = runs.seek(first); more && runs.start < end; more = runs.next()) {
      if (runs.start > at) visit(at, runs.start - at, 0);
      at = Math.max(at, runs.start);
      const last = Math.min(end, runs.start + runs.pages);
      visit(at, last - at, runs.target);
      at = last;
    }
    if (at < end) visit(at, end - at, 0);
  }

  /** Makes a run begin at a frame, if one goes over it. */
  #cut(frame: number): void {
    const runs = this.#runs;
    if (!runs.find(frame) || runs.start === frame) return;
    const { start, pages, target } = runs;
    runs.remove();
    runs.insert(start, frame - start, target, 0);
    runs.insert(frame, start + pages - frame, target, 0);
  }
}
