/**
 * The contract of translation: what a requester ID or PASID is routed to. A domain translates I/O virtual pages to pages
 * of some memory; a route also says where requests for missing pages go.
 */
import type { CpuCaches } from '../memory/cpu-caches.js';
import type { DmaTarget } from '../memory/dma-target.js';

/** Who issues DMA, as far as a translation depends on it: a requester (requester.ts). */
export interface DmaSource {
  readonly name: string;
}

/** Why a DMA stopped (VT-d specification, 7.1: fault reasons, as far as a device can tell them apart). */
export const DMA_FAULT = {
  NONE: 'none',
  NOT_MAPPED: 'not mapped',
  NO_PERMISSION: 'no permission',
  BLOCKED: 'blocked',
  ABORTED: 'aborted',
} as const;
export type DmaFault = (typeof DMA_FAULT)[keyof typeof DMA_FAULT];

/** Where the pages that devices write are recorded. */
export interface DirtySink {
  /** The pages [first, first+count) were written. */
  mark(first: number, count: number): void;
}

/** The answer of a translation. One object is used again and again: it is valid until the next question. */
export interface Hit {
  target: DmaTarget | undefined;
  /** Page-frame number in the target. */
  page: number;
  /** Pages from there on that follow each other in IOVA and in the target alike. */
  pages: number;
  /** Where writes are recorded, and under which page; undefined: nobody asks. */
  dirty: DirtySink | undefined;
  dirtyPage: number;
}

export interface Domain {
  /** No-snoop requests go out as snooped ones. */
  readonly enforceSnoop: boolean;
  /** It translates requests with any PASID: a user's PASID table. */
  readonly wholePasidSpace?: boolean;
  /**
   * Another number once a page may reach other memory than before, or none: while it is the same, what was read through
   * the domain may be remembered. Undefined: nothing may.
   */
  readonly changes?: number | undefined;
  /**
   * A function that can issue no-snoop requests is routed here (1), or one no longer is (-1): while there are any, what it
   * reaches is followed by the model of the caches. Undefined: who makes the routes sees to that.
   */
  follow?(caches: CpuCaches, change: 1 | -1): void;
  /** Translates one page for a read or a write. Fills in `hit` when it returns NONE. */
  translate(page: number, write: boolean, hit: Hit, who: DmaSource, pasid?: number): DmaFault;
}
