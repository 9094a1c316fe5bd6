/**
 * Page requests (PCI Express, Page Request Interface; VT-d specification, 7.4): a device asks for pages that it could not
 * reach, and waits. The requests of one group are delivered whole, or not at all, and have one answer.
 */
import type { DmaSource } from './domain.js';

/** One page that a device asks for. */
export interface PageRequest {
  /** Address of the page, bytes. */
  readonly address: bigint;
  readonly write: boolean;
}

/** SUCCESS: try again. INVALID: the page cannot be had. FAILURE: nor can others; the device should ask no more. */
export type PageResponse = 'success' | 'invalid' | 'failure';

/** What a device waits for, and the handle of both sides: one answers, the other gives up. */
export class PageRequestGroup {
  readonly who: DmaSource;
  /** As the user numbers it; undefined: none. */
  readonly pasid: number | undefined;
  /** The device's number of the group: Page Request Group Index, 9 bits. */
  readonly index: number;
  /** In order; the last has the Last Request in PRG flag. At least one. */
  readonly requests: readonly PageRequest[];
  #resume: ((response: PageResponse) => void) | undefined;

  /** @param resume called once, later */
  constructor(
    who: DmaSource,
    pasid: number | undefined,
    index: number,
    requests: readonly PageRequest[],
    resume: (response: PageResponse) => void,
  ) {
    this.who = who;
    this.pasid = pasid;
    this.index = index;
    this.requests = requests;
    this.#resume = resume;
  }

  /** Answered, or given up. */
  get settled(): boolean {
    return this.#resume === undefined;
  }

  /** The answer; the device goes on before this returns. A second one is nothing. */
  respond(response: PageResponse): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.(response);
  }

  /** The device waits no more: it was reset. An answer goes nowhere. */
  cancel(): void {
    this.#resume = undefined;
  }
}

/** Where the requests of a route go: a queue that somebody reads and answers. */
export interface PageRequestSink {
  /** Takes a group. @returns false if nobody will answer: the device must not wait */
  deliver(group: PageRequestGroup): boolean;
}
