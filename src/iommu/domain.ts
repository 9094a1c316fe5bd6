/**
 * Domains: what a requester ID or PASID is routed to. A domain translates I/O virtual pages to pages of some memory.
 */
import type { DirtyBitmap } from './dirty-bitmap.js';
import { IntervalMap } from './interval-map.js';
import type { Requester } from './requester.js';

/** Memory that DMA ends in: the address space of a process. */
export interface DmaTarget {
  /** False once the process is gone; nothing is reached through it any more. */
  readonly alive: boolean;
  readonly memory: {
    read(address: bigint, into: Uint8Array): number;
    write(address: bigint, from: Uint8Array): number;
  };
}

/** Why a DMA stopped; the numbers are the DMA engine's RESULT (uapi-ioasid.md, section 6). */
export const DMA_FAULT = {
  NONE: 0,
  NOT_MAPPED: 1,
  NO_PERMISSION: 2,
  BLOCKED: 3,
  ABORTED: 4,
} as const;
export type DmaFault = (typeof DMA_FAULT)[keyof typeof DMA_FAULT];

/** The answer of a translation. One object is used again and again: it is valid until the next question. */
export interface Hit {
  target: DmaTarget | undefined;
  /** Page-frame number in the target. */
  page: number;
  /** Pages from there on that follow each other in IOVA and in the target alike. */
  pages: number;
  /** Where writes are recorded, and under which page; undefined: nobody asks. */
  dirty: DirtyBitmap | undefined;
  dirtyPage: number;
}

export interface Domain {
  /** No-snoop requests go out as snooped ones. */
  readonly enforceSnoop: boolean;
  /** It translates requests with any PASID: a user's PASID table. */
  readonly wholePasidSpace?: boolean;
  /** Translates one page for a read or a write. Fills in `hit` when it returns NONE. */
  translate(page: number, write: boolean, hit: Hit, who: Requester, pasid?: number): DmaFault;
  /**
   * Asks for a page that could not be translated (Page Request Interface).
   * @param resume called once, later: true to try again, false to abort
   * @returns false if nobody can be asked: the request aborts at once
   */
  request?(request: PageRequest): boolean;
}

/** A page request of a device. */
export interface PageRequest {
  readonly who: Requester;
  /** As the user numbers it; undefined: none. */
  readonly pasid: number | undefined;
  /** Address of the page, bytes. */
  readonly address: bigint;
  readonly write: boolean;
  readonly resume: (again: boolean) => void;
}

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
  #owners: (T | undefined)[] = [];
  #mappings: number[] = [];
  #lastOwner = 0;

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
    return true;
  }

  /** Takes away the mapping under the map's cursor and moves on; returns false if there is no next one. */
  remove(): boolean {
    this.dirty?.clear(this.map.start, this.map.pages);
    const index = this.map.tag >>> OWNER_SHIFT;
    const left = (this.#mappings[index] ?? 0) - 1;
    this.#mappings[index] = left;
    if (left === 0) this.#owners[index] = undefined;
    return this.map.remove();
  }

  /** Whose memory the mapping under the map's cursor is. */
  owner(): T {
    const owner = this.#owners[this.map.tag >>> OWNER_SHIFT];
    if (!owner) throw new Error('a mapping without an owner');
    return owner;
  }

  translate(page: number, write: boolean, hit: Hit, _who: Requester): DmaFault {
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
