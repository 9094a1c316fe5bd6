/** A direct-mapped cache of aligned ranges of pages, tagged with the PASID, as columns of numbers. */

/** Spreads the PASIDs over the entries: neighbours of one and of the next do not meet. */
const PASID_STEP = 811;
const EMPTY = -1;

export class Tagged {
  /** Pages in a range. */
  readonly pages: number;
  readonly targets: Float64Array;
  readonly flags: Uint8Array;
  readonly #mask: number;
  /** Number of the range, or EMPTY. */
  readonly #tags: Float64Array;
  readonly #pasids: Uint32Array;
  /** Nothing was put in since all was forgotten: what is not used costs a look at this. */
  #empty = true;

  /** @param entries a power of two; @param shift pages in a range, as a power of two */
  constructor(entries: number, shift: number) {
    this.pages = 2 ** shift;
    this.#mask = entries - 1;
    this.#tags = new Float64Array(entries).fill(EMPTY);
    this.#pasids = new Uint32Array(entries);
    this.targets = new Float64Array(entries);
    this.flags = new Uint8Array(entries);
  }

  /** The entry that holds a page, or -1. */
  find(page: number, pasid: number): number {
    if (this.#empty) return -1;
    const range = Math.floor(page / this.pages);
    const slot = this.#slot(range, pasid);
    return this.#tags[slot] === range && this.#pasids[slot] === pasid ? slot : -1;
  }

  put(page: number, pasid: number, target: number, flags: number): void {
    const range = Math.floor(page / this.pages);
    const slot = this.#slot(range, pasid);
    this.#empty = false;
    this.#tags[slot] = range;
    this.#pasids[slot] = pasid;
    this.targets[slot] = target;
    this.flags[slot] = flags;
  }

  /** Forgets every range that touches the pages [first, last]. @param pasid undefined: of every PASID */
  invalidate(pasid: number | undefined, first: number, last: number): void {
    if (this.#empty) return;
    const from = Math.floor(first / this.pages);
    const to = Math.floor(last / this.pages);
    const tags = this.#tags;
    let left = 0;
    for (let slot = 0; slot < tags.length; slot++) {
      const range = tags[slot] as number;
      if (range === EMPTY) continue;
      if (range >= from && range <= to && (pasid === undefined || this.#pasids[slot] === pasid)) tags[slot] = EMPTY;
      else left++;
    }
    this.#empty = left === 0;
  }

  #slot(range: number, pasid: number): number {
    return (range + pasid * PASID_STEP) & this.#mask;
  }
}
