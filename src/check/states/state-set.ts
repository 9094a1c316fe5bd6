/** Every state that was met, kept whole: nothing is missed, and a known state need not be asked for its rights again. */
import type { World } from '../world.js';
import type { Packing } from './packing.js';
import type { States } from './states.js';
import { grown, WordSet } from './word-set.js';

export class StateSet implements States {
  readonly #packing: Packing;
  readonly #set = new WordSet();
  /** For each renaming: rights under it, and rights before it. */
  readonly #renamed: readonly Uint8Array[];
  readonly #inverse: readonly Uint8Array[];
  /** Rights in each state, in its own names. */
  #kept = new Uint8Array(1 << 12);
  covered = 0;
  rights = 0;

  /** @param renamed rights under each renaming */
  constructor(packing: Packing, renamed: readonly Uint8Array[]) {
    this.#packing = packing;
    this.#renamed = renamed;
    this.#inverse = renamed.map((table) => {
      const back = new Uint8Array(table.length);
      table.forEach((to, rights) => {
        back[to] = rights;
      });
      return back;
    });
  }

  get count(): number {
    return this.#set.count;
  }

  get bytes(): number {
    return this.#set.bytes + this.#kept.byteLength;
  }

  visit(world: World): boolean {
    const packing = this.#packing;
    packing.choose(world.s);
    const to = packing.to[0] as number;
    const number = this.#set.add(packing.low, packing.high);
    if (number < 0) {
      this.rights = (this.#inverse[to] as Uint8Array)[this.#kept[-1 - number] as number] as number;
      return false;
    }
    this.rights = world.rights();
    this.#kept = grown(this.#kept, number, (size) => new Uint8Array(size));
    this.#kept[number] = (this.#renamed[to] as Uint8Array)[this.rights] as number;
    this.covered += packing.orbit;
    return true;
  }

  read(number: number, into: Uint8Array): void {
    this.#packing.unpack(this.#set.low(number), this.#set.high(number), into);
  }
}
