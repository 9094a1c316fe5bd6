/**
 * A pages object (Linux: iopt_pages): the source of one mapping and its pins. Areas that are copies or halves of each other
 * share it, so that a page is pinned and charged once, however many domains and accesses hold it.
 *
 * Pins are kept as *segments*: disjoint runs of pages in rising order, each within one run of frames, with the number of
 * holders. A page without a holder has no segment.
 */
import { type Account, charge, uncharge } from '../memory/account.js';
import { allocation } from '../memory/allocation.js';
import type { Backing, FrameRun } from '../memory/backing.js';
import type { PageSource } from './page-source.js';

export interface Segment {
  /** First page, counted from the source's first one. */
  readonly first: number;
  readonly pages: number;
  holders: number;
  readonly backing: Backing;
  /** The frame of the first page. */
  readonly frame: number;
  readonly pageShift: number;
}

export class SharedPages {
  readonly source: PageSource;
  /** Devices may write: decides how pages are pinned. */
  readonly writable: boolean;
  account: Account;
  /** Areas that use it. */
  #areas = 0;
  #pinned = 0;
  #segments: Segment[] = [];
  #revoked = false;
  /** How often an exporter took memory back, of all pages: what was reached before may be reached no more. */
  static revocations = 0;

  constructor(source: PageSource, writable: boolean, account: Account) {
    this.source = source;
    this.writable = writable;
    this.account = account;
  }

  /** Pages that are pinned and charged now. */
  get pinnedPages(): number {
    return this.#pinned;
  }

  /** One more area uses it. */
  get(): void {
    this.#areas++;
  }

  /** An area is gone; with the last one the source is closed. */
  put(): void {
    if (--this.#areas === 0) this.source.close();
  }

  /**
   * Holds the pages [first, last]: those that nobody held are pinned and charged.
   * @throws EFAULT, EINVAL a page cannot be pinned; ENOMEM over the limit. Nothing changes then
   */
  hold(first: number, last: number): void {
    if (this.#revoked) return;
    const added: Segment[] = [];
    try {
      this.#eachHole(first, last, (from, pages) => this.#pin(from, pages, added));
      const pages = this.#chargeable(added);
      if (pages > 0) charge(this.account, pages);
      this.#pinned += pages;
    } catch (error) {
      for (const segment of added) this.#unpin(segment);
      throw error;
    }
    this.#change(first, last, 1);
    for (const segment of added) this.#segments.splice(this.#after(segment.first), 0, segment);
  }

  /** Lets the pages [first, last] go: those that nobody holds any more are given back. */
  drop(first: number, last: number): void {
    if (this.#revoked) return;
    this.#change(first, last, -1);
    const gone: Segment[] = [];
    const from = this.#after(first - 1);
    let to = from;
    for (let segment = this.#segments[to]; segment && segment.first <= last; segment = this.#segments[++to]) {
      if (segment.holders === 0) gone.push(segment);
    }
    if (gone.length === to - from) this.#segments.splice(from, to - from);
    else if (gone.length > 0) this.#segments = this.#segments.filter((segment) => segment.holders > 0);
    for (const segment of gone) this.#unpin(segment);
    const pages = this.#chargeable(gone);
    if (pages > 0) uncharge(this.account, pages);
    this.#pinned -= pages;
  }

  /** The memory was taken back by its exporter: nothing is mapped through this object any more. */
  revoke(): void {
    this.#segments = [];
    this.#revoked = true;
    SharedPages.revocations++;
  }

  /** The segment that holds a page. */
  segment(page: number): Segment | undefined {
    const segment = this.#segments[this.#after(page) - 1];
    return segment && page < segment.first + segment.pages ? segment : undefined;
  }

  /** The frames of held pages [first, last]; fewer if a page is not held. */
  frames(first: number, last: number): FrameRun[] {
    const runs: FrameRun[] = [];
    for (let at = first; at <= last; ) {
      const segment = this.segment(at);
      if (!segment) break;
      const skip = at - segment.first;
      const frames = Math.min(segment.pages - skip, last - at + 1);
      runs.push({ backing: segment.backing, frame: segment.frame + skip, frames, pageShift: segment.pageShift });
      at += frames;
    }
    return runs;
  }

  /** Calls back for every run of pages in [first, last] that nobody holds. */
  #eachHole(first: number, last: number, visit: (from: number, pages: number) => void): void {
    let at = first;
    let index = Math.max(0, this.#after(first) - 1);
    for (let next = this.#segments[index]; next && next.first <= last; next = this.#segments[++index]) {
      if (next.first > at) visit(at, next.first - at);
      at = Math.max(at, next.first + next.pages);
    }
    if (at <= last) visit(at, last - at + 1);
  }

  #pin(first: number, pages: number, added: Segment[]): void {
    allocation('a list of pages');
    let at = first;
    for (const { backing, frame, frames, pageShift } of this.source.frames(first, pages, this.writable)) {
      if (this.source.kind !== 'dma-buf') backing.pin(frame, frames);
      added.push({ first: at, pages: frames, holders: 1, backing, frame, pageShift });
      at += frames;
    }
  }

  #unpin({ backing, frame, pages }: Segment): void {
    if (this.source.kind !== 'dma-buf') backing.unpin(frame, pages);
  }

  #chargeable(segments: readonly Segment[]): number {
    if (this.source.kind === 'dma-buf') return 0;
    let sum = 0;
    for (const { pages } of segments) sum += pages;
    return sum;
  }

  /** Adds to the holders of every segment in [first, last]. */
  #change(first: number, last: number, by: number): void {
    this.#cut(first);
    this.#cut(last + 1);
    let index = this.#after(first - 1);
    for (let next = this.#segments[index]; next && next.first <= last; next = this.#segments[++index]) {
      next.holders += by;
    }
  }

  /** Makes a segment begin at a page, if one goes over it. */
  #cut(page: number): void {
    const index = this.#after(page - 1) - 1;
    const segment = this.#segments[index];
    if (!segment || segment.first + segment.pages <= page) return;
    const { first, pages, frame } = segment;
    this.#segments.splice(
      index,
      1,
      { ...segment, pages: page - first },
      { ...segment, first: page, pages: first + pages - page, frame: frame + page - first },
    );
  }

  /** How many segments start at or before a page. */
  #after(page: number): number {
    let [low, high] = [0, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).first <= page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
