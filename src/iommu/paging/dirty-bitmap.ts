/** Which pages of an address space devices wrote: a sparse bitmap over page-frame numbers. */

/** Pages in one piece of the bitmap. */
const PIECE_SHIFT = 15;
const PIECE = 1 << PIECE_SHIFT;

export class DirtyBitmap {
  readonly #pieces = new Map<number, Uint32Array>();

  /** Marks the pages [first, first+count). */
  mark(first: number, count: number): void {
    for (let page = first; page < first + count; page++) {
      const key = Math.floor(page / PIECE);
      let piece = this.#pieces.get(key);
      if (!piece) {
        piece = new Uint32Array(PIECE / 32);
        this.#pieces.set(key, piece);
      }
      const bit = page - key * PIECE;
      piece[bit >>> 5] = (piece[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  /** Forgets the pages [first, first+count). */
  clear(first: number, count: number): void {
    this.#each(first, count, (piece, bit) => {
      piece[bit >>> 5] = (piece[bit >>> 5] as number) & ~(1 << (bit & 31));
    });
  }

  /** Calls back for every marked page of [first, first+count), in no order. */
  forEach(first: number, count: number, visit: (page: number) => void): void {
    this.#each(first, count, (piece, bit, page) => {
      if ((piece[bit >>> 5] as number) & (1 << (bit & 31))) visit(page);
    });
  }

  /** Visits the bits that exist, so that a giant range over little costs little, and a small one over much too. */
  #each(first: number, count: number, visit: (piece: Uint32Array, bit: number, page: number) => void): void {
    const end = first + count;
    const keys = Math.ceil(end / PIECE) - Math.floor(first / PIECE);
    if (keys > this.#pieces.size) {
      for (const [key, piece] of this.#pieces) eachOf(key, piece, first, end, visit);
      return;
    }
    for (let key = Math.floor(first / PIECE); key * PIECE < end; key++) {
      const piece = this.#pieces.get(key);
      if (piece) eachOf(key, piece, first, end, visit);
    }
  }
}

function eachOf(
  key: number,
  piece: Uint32Array,
  first: number,
  end: number,
  visit: (piece: Uint32Array, bit: number, page: number) => void,
): void {
  const start = key * PIECE;
  for (let page = Math.max(first, start); page < Math.min(end, start + PIECE); page++) visit(piece, page - start, page);
}
