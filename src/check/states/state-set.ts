/** Every state that was met, kept whole: nothing is missed, and a known state need not be asked for its rights again. */
import type { World } from '../world.js';
import type { Packing } from './packing.js';
import { Queue } from './queue.js';
import type { States } from './states.js';
import { mix, WordMap } from './word-map.js';

/** States that were visited lately: more than half of all visits find theirs among so many, which fit into a near cache. */
const RECENT = 1 << 14;

export class StateSet implements States {
  readonly #packing: Packing;
  /** Rights in each state, in its own names. */
  readonly #kept = new WordMap();
  readonly #queue = new Queue();
  /** Two words of a state as it is, and its rights plus one. */
  readonly #recent = new Int32Array(3 * RECENT);
  /** For each renaming: rights under it, and rights before it. */
  readonly #renamed: readonly Uint8Array[];
  readonly #inverse: readonly Uint8Array[];
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
    return this.#kept.count;
  }

  get bytes(): number {
    return this.#kept.bytes + this.#queue.bytes;
  }

  visit(world: World): boolean {
    const packing = this.#packing;
    packing.pack(world.s);
    const { low, high } = packing;
    const recent = this.#recent;
    const slot = 3 * (mix(low, high) & (RECENT - 1));
    if (recent[slot] === low && recent[slot + 1] === high && recent[slot + 2] !== 0) {
      this.rights = (recent[slot + 2] as number) - 1;
      return false;
    }
    const fresh = this.#meet(world);
    recent[slot] = low;
    recent[slot + 1] = high;
    recent[slot + 2] = this.rights + 1;
    return fresh;
  }

  read(number: number, into: Uint8Array): void {
    this.#packing.unpack(this.#queue.low(number), this.#queue.high(number), into);
  }

  /** Looks among all states, under all names. */
  #meet(world: World): boolean {
    const packing = this.#packing;
    packing.choose(world.s);
    const to = packing.to[0] as number;
    const kept = this.#kept.find(packing.low, packing.high);
    if (kept >= 0) {
      this.rights = (this.#inverse[to] as Uint8Array)[kept] as number;
      return false;
    }
    this.rights = world.rights();
    this.#kept.put(packing.low, packing.high, (this.#renamed[to] as Uint8Array)[this.rights] as number);
    this.#queue.push(packing.low, packing.high);
    this.covered += packing.orbit;
    return true;
  }
}
