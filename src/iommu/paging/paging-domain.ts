/** A kernel-managed I/O page table: I/O virtual pages to the memory of those who mapped them. */

import type { CpuCaches } from '../../memory/cpu-caches.js';
import type { DmaTarget } from '../../memory/dma-target.js';
import { IntervalMap } from '../../memory/intervals/interval-map.js';
import { DMA_FAULT, type DmaFault, type DmaSource, type Hit } from '../domain.js';
import type { DirtyBitmap } from './dirty-bitmap.js';

/** Bits of a mapping's tag: what devices may do, whether its pages are charged, and whose memory it is. */
export const MAP_READ = 1;
export const MAP_WRITE = 2;
export const MAP_CHARGED = 4;
const OWNER_SHIFT = 3;
/** Most different memories in one domain: what the tag has bits for. */
export const MAX_OWNERS = 1 << (16 - OWNER_SHIFT);

/** A kernel-managed I/O page table: IOVA to the memory of the processes that mapped it. */
export class PagingDomain<T extends DmaTarget = DmaTarget> {
  /** Pages that devices wrote, while it is asked for. */
  dirty: DirtyBitmap | undefined;
  readonly map = new IntervalMap();
  /** The model of the caches, while it follows what is mapped. */
  #caches: CpuCaches | undefined;
  #followers = 0;
  #owners: (T | undefined)[] = [];
  #mappings: number[] = [];
  #lastOwner = 0;
  #changes = 0;

  /** See Domain.changes: the mappings that were taken away. */
  get changes(): number | undefined {
    return this.#changes;
  }

  /**
   * Adds a mapping; the caller has seen that it overlaps none.
   * @param flags MAP_READ, MAP_WRITE, MAP_CHARGED
   * @returns false if there are MAX_OWNERS different memories in the domain already
   */
  insert(page: number, pages: number, owner: T, target: number, flags: number): boolean {
    const index = this.#owner(owner);
    if (index < 0) return false;
    this.#mappings[index] = (this.#mappings[index] ?? 0) + 1;
    this.map.insert(page, pages, target, flags | (index << OWNER_SHIFT));
    this.#caches?.track(owner, target, pages);
    return true;
  }

  /** Takes away the mapping under the map's cursor and moves on; returns false if there is no next one. */
  remove(): boolean {
    this.#changes++;
    this.dirty?.clear(this.map.start, this.map.pages);
    this.#caches?.untrack(this.owner(), this.map.target, this.map.pages);
    const index = this.map.tag >>> OWNER_SHIFT;
    const left = (this.#mappings[index] ?? 0) - 1;
    this.#mappings[index] = left;
    if (left === 0) this.#owners[index] = undefined;
    return this.map.remove();
  }

  /** Somebody reaches the memory past the caches from now on (1), or no longer does (-1): see Domain.follow(). */
  follow(caches: CpuCaches, change: 1 | -1): void {
    const before = this.#followers;
    this.#followers += change;
    if (before !== 0 && this.#followers !== 0) return;
    const { map } = this;
    for (let more = map.seek(0); more; more = map.next()) {
      if (change > 0) caches.track(this.owner(), map.target, map.pages);
      else caches.untrack(this.owner(), map.target, map.pages);
    }
    this.#caches = change > 0 ? caches : undefined;
  }

  /** Whose memory the mapping under the map's cursor is. */
  owner(): T {
    const owner = this.#owners[this.map.tag >>> OWNER_SHIFT];
    if (!owner) throw new Error('a mapping without an owner');
    return owner;
  }

  translate(page: number, write: boolean, hit: Hit, _who: DmaSource): DmaFault {
    const { map } = this;
    if (!map.find(page)) return DMA_FAULT.NOT_MAPPED;
    if ((map.tag & (write ? MAP_WRITE : MAP_READ)) === 0) return DMA_FAULT.NO_PERMISSION;
    hit.target = this.#owners[map.tag >>> OWNER_SHIFT];
    hit.page = map.target + (page - map.start);
    hit.pages = map.pages - (page - map.start);
    hit.dirty = this.dirty;
    hit.dirtyPage = page;
    return DMA_FAULT.NONE;
  }

  #owner(owner: T): number {
    if (this.#owners[this.#lastOwner] === owner) return this.#lastOwner;
    let index = this.#owners.indexOf(owner);
    if (index < 0) index = this.#owners.indexOf(undefined);
    if (index < 0) index = this.#owners.length;
    if (index >= MAX_OWNERS) return -1;
    this.#owners[index] = owner;
    this.#lastOwner = index;
    return index;
  }
}
