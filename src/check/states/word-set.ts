/** A set of pairs of 32-bit words, numbered in the order in which they come: open addressing over typed arrays. */

/** A hash of two words in which every bit counts (the finalizer of MurmurHash3, public domain). */
export function mix(low: number, high: number): number {
  let hash = low ^ Math.imul(high, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** An array with room for one more element at least, the old elements in it. */
export function grown<T extends Int32Array | Uint32Array | Uint8Array>(
  array: T,
  wanted: number,
  make: (size: number) => T,
): T {
  if (wanted < array.length) return array;
  const larger = make(array.length * 2);
  larger.set(array);
  return larger;
}

export class WordSet {
  /** Two words an element, side by side: they come into a cache together. */
  #words = new Int32Array(1 << 13);
  /** Numbers plus one; zero is an empty slot, as fresh memory is. At most three of four slots are taken. */
  #table = new Uint32Array(1 << 13);
  count = 0;

  get bytes(): number {
    return this.#words.byteLength + this.#table.byteLength;
  }

  /** Adds a pair of signed words. Returns its number if it is new, else -1 - its number. */
  add(low: number, high: number): number {
    const table = this.#table;
    const words = this.#words;
    const mask = table.length - 1;
    let slot = mix(low, high) & mask;
    for (;;) {
      const at = table[slot] as number;
      if (at === 0) break;
      if (words[2 * at - 2] === low && words[2 * at - 1] === high) return -at;
      slot = (slot + 1) & mask;
    }
    const number = this.count++;
    if (2 * number === words.length) this.#words = grown(words, 2 * number, (size) => new Int32Array(size));
    this.#words[2 * number] = low;
    this.#words[2 * number + 1] = high;
    table[slot] = number + 1;
    if (this.count * 4 > table.length * 3) this.#rehash();
    return number;
  }

  low(number: number): number {
    return this.#words[2 * number] as number;
  }

  high(number: number): number {
    return this.#words[2 * number + 1] as number;
  }

  #rehash(): void {
    const words = this.#words;
    const table = new Uint32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let number = 0; number < this.count; number++) {
      let slot = mix(words[2 * number] as number, words[2 * number + 1] as number) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = number + 1;
    }
    this.#table = table;
  }
}
