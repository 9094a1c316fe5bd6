/** P2, no history: do states with the same objects and attachments give the same rights? Judged over pairs of states. */
import type { World } from '../world.js';
import type { Packing } from './packing.js';
import { grown, WordMap } from './word-map.js';

export class History {
  readonly #world: World;
  readonly #packing: Packing;
  /** The rights under each renaming. */
  readonly #renamed: readonly Uint8Array[];
  readonly #seen = new WordMap();
  readonly #projected: Uint8Array;
  #rights = new Uint8Array(1 << 12);
  #first = new Uint32Array(1 << 12);
  /** Two states with the same objects and attachments were met. */
  met = false;

  constructor(world: World, packing: Packing, renamed: readonly Uint8Array[]) {
    this.#world = world;
    this.#packing = packing;
    this.#renamed = renamed;
    this.#projected = new Uint8Array(world.layout.size);
  }

  get bytes(): number {
    return this.#seen.bytes + this.#rights.byteLength + this.#first.byteLength;
  }

  /**
   * Adds the world's state.
   * @param rights in it
   * @param number of the state
   * @returns the number of the first state with the same objects and attachments, if its rights are others
   */
  add(rights: number, number: number): number | undefined {
    const { visible, size } = this.#world.layout;
    const packing = this.#packing;
    for (let i = 0; i < size; i++) this.#projected[i] = visible[i] ? (this.#world.s[i] as number) : 0;
    packing.choose(this.#projected);
    const under = (to: number): number => (this.#renamed[to] as Uint8Array)[rights] as number;
    const now = under(packing.to[0] as number);
    let at = this.#seen.find(packing.low, packing.high);
    if (at < 0) {
      at = this.#seen.count;
      this.#seen.put(packing.low, packing.high, at);
      this.#rights = grown(this.#rights, at, (size) => new Uint8Array(size));
      this.#first = grown(this.#first, at, (size) => new Uint32Array(size));
      this.#rights[at] = now;
      this.#first[at] = number;
    } else this.met = true;
    // Objects that look alike: whoever is renamed into the same picture must have the same rights.
    let alike = this.#rights[at] === now;
    for (let i = 1; i < packing.ties && alike; i++) alike = under(packing.to[i] as number) === now;
    return alike ? undefined : this.#first[at];
  }
}
