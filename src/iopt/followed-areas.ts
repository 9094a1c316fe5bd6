/**
 * The areas whose memory devices reach past the CPU's caches: the model of the caches follows their frames as long as such a
 * device is routed to a domain of the table, and the frames are pinned.
 */
import type { FrameRun } from '../memory/backing.js';
import type { CpuCaches } from '../memory/cpu-caches.js';
import type { Area } from './area.js';

export class FollowedAreas {
  #caches: CpuCaches | undefined;
  #followers = 0;
  /** What was followed for an area: it is given back as it was taken. */
  readonly #runs = new Map<Area, FrameRun[]>();

  /** One device more (1) or less (-1). @param areas those whose pages are pinned */
  follow(caches: CpuCaches, change: 1 | -1, areas: Iterable<Area>): void {
    this.#followers += change;
    this.#caches = this.#followers > 0 ? caches : undefined;
    if (this.#caches) for (const area of areas) this.add(area);
    else for (const area of [...this.#runs.keys()]) this.#leave(caches, area);
  }

  /** The pages of an area are pinned. */
  add(area: Area): void {
    const caches = this.#caches;
    // Registers of a device are not cached.
    if (!caches || area.pages.source.kind === 'dma-buf' || this.#runs.has(area)) return;
    const runs = area.pages.frames(area.firstPage, area.lastPage);
    this.#runs.set(area, runs);
    for (const { backing, frame, frames } of runs) caches.track(backing, frame, frames);
  }

  /** The pages of an area are about to be let go. */
  remove(area: Area): void {
    if (this.#caches) this.#leave(this.#caches, area);
  }

  #leave(caches: CpuCaches, area: Area): void {
    for (const { backing, frame, frames } of this.#runs.get(area) ?? []) caches.untrack(backing, frame, frames);
    this.#runs.delete(area);
  }
}
