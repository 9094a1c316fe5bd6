/**
 * A set of states. A state is a vector of small integers, packed into two 32-bit words; of all its renamings the
 * smallest is kept. Packing and unpacking are functions made for the layout.
 */
import { type Renaming, sourcesOf } from './symmetry.js';
import type { Bounds, Layout } from './world.js';

const EMPTY = 0xffffffff;

/** A hash of two words in which every bit counts (the finalizer of MurmurHash3, public domain). */
function mix(low: number, high: number): number {
  let hash = low ^ Math.imul(high, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

type Pack = (state: Uint8Array, words: Uint32Array) => void;
type Unpack = (low: number, high: number, state: Uint8Array) => void;

/** Where each field is: its word, its shift and its width in bits. @throws RangeError the bounds need more than 64 bits */
function places(radix: Uint8Array): { word: number; shift: number; width: number }[] {
  let word = 0;
  let used = 0;
  return [...radix].map((values) => {
    const width = 32 - Math.clz32(values - 1);
    if (used + width > 32) {
      word++;
      used = 0;
    }
    if (word > 1) throw new RangeError('the bounds make states of more than 64 bits');
    const shift = used;
    used += width;
    return { word, shift, width };
  });
}

function packers(layout: Layout, bounds: Bounds, renamings: readonly Renaming[]): Pack[] {
  const place = places(layout.radix);
  const last = layout.boundTo + bounds.devices.length;
  return renamings.map((renaming) => {
    const sources = sourcesOf(layout, bounds, renaming);
    // What a device is bound to is a file's number plus one.
    const bound = [0, ...renaming.files.map((file) => file + 1)].join(',');
    const term = (word: number): string =>
      place
        .flatMap(({ word: of, shift, width }, i) => {
          if (of !== word || width === 0) return [];
          const value = `s[${sources[i]}]`;
          return [`((${i >= layout.boundTo && i < last ? `b[${value}]` : value}) << ${shift})`];
        })
        .join(' | ') || '0';
    const source = `const b = [${bound}]; return (s, w) => { w[0] = ${term(0)}; w[1] = ${term(1)}; };`;
    return new Function(source)() as Pack;
  });
}

function unpacker(layout: Layout): Unpack {
  const lines = places(layout.radix).map(
    ({ word, shift, width }, i) => `s[${i}] = (${word ? 'high' : 'low'} >>> ${shift}) & ${(1 << width) - 1};`,
  );
  return new Function('low', 'high', 's', lines.join('\n')) as Unpack;
}

export class StateSet {
  readonly #packs: readonly Pack[];
  readonly #unpack: Unpack;
  /** Two words a state, side by side: they come into a cache together. */
  #words = new Uint32Array(1 << 13);
  #table = new Uint32Array(1 << 14).fill(EMPTY);
  readonly #packed = new Uint32Array(2);
  readonly #least = new Uint32Array(2);
  count = 0;
  /** The renamings that lead from the state that was added last to the one that stands for it; at least one. */
  readonly to: number[] = [];

  constructor(layout: Layout, bounds: Bounds, renamings: readonly Renaming[]) {
    this.#packs = packers(layout, bounds, renamings);
    this.#unpack = unpacker(layout);
  }

  get bytes(): number {
    return this.#words.byteLength + this.#table.byteLength;
  }

  /** How many states the one that was added last stands for. */
  get orbit(): number {
    return this.#packs.length / this.to.length;
  }

  /** Adds a state. Returns its number if it is new, else -1 - its number. */
  add(s: Uint8Array): number {
    this.#choose(s);
    const table = this.#table;
    const words = this.#words;
    const mask = table.length - 1;
    const low = this.#least[0] as number;
    const high = this.#least[1] as number;
    let slot = mix(low, high) & mask;
    for (;;) {
      const at = table[slot] as number;
      if (at === EMPTY) break;
      if (words[2 * at] === low && words[2 * at + 1] === high) return -1 - at;
      slot = (slot + 1) & mask;
    }
    if (2 * this.count === words.length) this.#growStates();
    const number = this.count++;
    this.#words[2 * number] = low;
    this.#words[2 * number + 1] = high;
    table[slot] = number;
    if (this.count * 2 > table.length) this.#growTable();
    return number;
  }

  /** Unpacks a state. */
  read(number: number, into: Uint8Array): void {
    this.#unpack(this.#words[2 * number] as number, this.#words[2 * number + 1] as number, into);
  }

  /** The smallest of the state's renamings, and which of them lead there. */
  #choose(s: Uint8Array): void {
    const least = this.#least;
    const packed = this.#packed;
    const packs = this.#packs;
    const to = this.to;
    (packs[0] as Pack)(s, least);
    to.length = 1;
    to[0] = 0;
    for (let i = 1; i < packs.length; i++) {
      (packs[i] as Pack)(s, packed);
      const low = packed[0] as number;
      const high = packed[1] as number;
      const leastHigh = least[1] as number;
      if (high > leastHigh || (high === leastHigh && low > (least[0] as number))) continue;
      if (high !== leastHigh || low !== least[0]) {
        to.length = 0;
        least[0] = low;
        least[1] = high;
      }
      to.push(i);
    }
  }

  #growStates(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
  }

  #growTable(): void {
    const table = new Uint32Array(this.#table.length * 2).fill(EMPTY);
    const mask = table.length - 1;
    for (let number = 0; number < this.count; number++) {
      let slot = mix(this.#words[2 * number] as number, this.#words[2 * number + 1] as number) & mask;
      while (table[slot] !== EMPTY) slot = (slot + 1) & mask;
      table[slot] = number;
    }
    this.#table = table;
  }
}
