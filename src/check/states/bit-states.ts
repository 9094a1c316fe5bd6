/**
 * Bit-state hashing (Holzmann 1987, "supertrace"): of a state that was met, only a few bits of one large field remain.
 * A new state whose bits happen to be set is taken for known, and what only it leads to is missed: what is found is
 * true, what is not found is not proved. Whole states wait in a queue until their actions were tried.
 */
import type { World } from '../world.js';
import type { Packing } from './packing.js';
import { Queue } from './queue.js';
import type { States } from './states.js';
import { mix } from './word-map.js';

/** Bits that a state sets, as in SPIN. */
const HASHES = 3;
export class BitStates implements States {
  readonly #packing: Packing;
  readonly #field: Uint32Array;
  readonly #mask: number;
  #set = 0;
  readonly #queue = new Queue();
  covered = 0;
  rights = 0;

  /** @param mebibytes of the field: a power of two, from 1 to 512 */
  constructor(packing: Packing, mebibytes: number) {
    this.#packing = packing;
    this.#field = new Uint32Array(mebibytes << 18);
    this.#mask = mebibytes * 2 ** 23 - 1;
  }

  get count(): number {
    return this.#queue.count;
  }

  get bytes(): number {
    return this.#field.byteLength + this.#queue.bytes;
  }

  /** Share of new states that would be taken for known now: what a state's bits happen to be, all set. */
  get omission(): number {
    return (this.#set / (this.#mask + 1)) ** HASHES;
  }

  visit(world: World): boolean {
    const packing = this.#packing;
    packing.choose(world.s);
    this.rights = world.rights();
    if (!this.#mark(packing.low, packing.high)) return false;
    this.covered += packing.orbit;
    this.#queue.push(packing.low, packing.high);
    return true;
  }

  read(number: number, into: Uint8Array): void {
    this.#packing.unpack(this.#queue.low(number), this.#queue.high(number), into);
  }

  /** Sets the bits of a state. False if all were set. */
  #mark(low: number, high: number): boolean {
    const field = this.#field;
    const step = mix(high, low) | 1;
    let position = mix(low, high);
    let fresh = false;
    for (let i = 0; i < HASHES; i++) {
      const bit = (position & this.#mask) >>> 0;
      const word = field[bit >>> 5] as number;
      const one = 1 << (bit & 31);
      if ((word & one) === 0) {
        field[bit >>> 5] = word | one;
        this.#set++;
        fresh = true;
      }
      position = (position + step) | 0;
    }
    return fresh;
  }
}
