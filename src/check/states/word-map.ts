/**
 * A map from pairs of 32-bit words to small numbers: open addressing, a pair and its number side by side, so that a
 * look costs one miss of the processor's cache and not three.
 */

/** A hash of two words in which every bit counts (the finalizer of MurmurHash3, public domain). */
export function mix(low: number, high: number): number {
  let hash = low ^ Math.imul(high, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** An array with room for an element of this index at least, the old elements in it. */
export function grown<T extends Uint32Array | Uint8Array>(array: T, index: number, make: (size: number) => T): T {
  if (index < array.length) return array;
  const larger = make(array.length * 2);
  larger.set(array);
  return larger;
}

/** Words of a slot: the pair, and its number plus one. Zero is an empty slot, as fresh memory is. */
const SLOT = 3;

export class WordMap {
  /** At most three of four slots are taken. */
  #table = new Int32Array(SLOT << 12);
  #mask = (1 << 12) - 1;
  /** Where the pair that was looked for last is, or belongs. */
  #at = 0;
  count = 0;

  get bytes(): number {
    return this.#table.byteLength;
  }

  /** The number of a pair of signed words, or -1. */
  find(low: number, high: number): number {
    const table = this.#table;
    let slot = mix(low, high) & this.#mask;
    for (;;) {
      const at = slot * SLOT;
      const number = table[at + 2] as number;
      if (number === 0 || (table[at] === low && table[at + 1] === high)) {
        this.#at = at;
        return number - 1;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Adds the pair that was looked for last, and is not there. @param number from 0 to 2^31 - 2 */
  put(low: number, high: number, number: number): void {
    const at = this.#at;
    this.#table[at] = low;
    this.#table[at + 1] = high;
    this.#table[at + 2] = number + 1;
    this.count++;
    if (this.count * 4 > (this.#mask + 1) * 3) this.#grow();
  }

  #grow(): void {
    const old = this.#table;
    const table = new Int32Array(old.length * 2);
    const mask = this.#mask * 2 + 1;
    for (let from = 0; from < old.length; from += SLOT) {
      const number = old[from + 2] as number;
      if (number === 0) continue;
      const [low, high] = [old[from] as number, old[from + 1] as number];
      let slot = mix(low, high) & mask;
      while (table[slot * SLOT + 2] !== 0) slot = (slot + 1) & mask;
      table[slot * SLOT] = low;
      table[slot * SLOT + 1] = high;
      table[slot * SLOT + 2] = number;
    }
    this.#table = table;
    this.#mask = mask;
  }
}
