/** States that wait until their actions were tried, packed into two words, first in first out. */

/** States in one piece. */
const PIECE = 1 << 14;

export class Queue {
  /** By number of the state; pieces that were read are gone. */
  readonly #pieces: (Int32Array | undefined)[] = [];
  #spare: Int32Array | undefined;
  #held = 0;
  count = 0;

  get bytes(): number {
    return this.#held;
  }

  push(low: number, high: number): void {
    const at = this.count % PIECE;
    if (at === 0) this.#pieces.push(this.#piece());
    const piece = this.#pieces[Math.floor(this.count / PIECE)] as Int32Array;
    piece[2 * at] = low;
    piece[2 * at + 1] = high;
    this.count++;
  }

  /** The words of a state; they are asked for in the order of their numbers. */
  low(number: number): number {
    const index = Math.floor(number / PIECE);
    if (number % PIECE === 0 && index > 0) {
      const read = this.#pieces[index - 1];
      if (read && this.#spare) this.#held -= read.byteLength;
      this.#spare ??= read;
      this.#pieces[index - 1] = undefined;
    }
    return (this.#pieces[index] as Int32Array)[2 * (number % PIECE)] as number;
  }

  high(number: number): number {
    return (this.#pieces[Math.floor(number / PIECE)] as Int32Array)[2 * (number % PIECE) + 1] as number;
  }

  #piece(): Int32Array {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare) return spare;
    const piece = new Int32Array(2 * PIECE);
    this.#held += piece.byteLength;
    return piece;
  }
}
