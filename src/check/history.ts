/** P2, no history: do states with the same objects and attachments give the same rights? Judged over pairs of states. */
import { StateSet } from './state-set.js';
import type { Renaming } from './symmetry.js';
import type { World } from './world.js';

export class History {
  readonly #world: World;
  /** The rights under each renaming. */
  readonly #renamed: readonly Uint16Array[];
  readonly #seen: StateSet;
  readonly #projected: Uint8Array;
  readonly #rights: number[] = [];
  readonly #first: number[] = [];
  /** Two states with the same objects and attachments were met. */
  met = false;

  constructor(world: World, renamings: readonly Renaming[], renamed: readonly Uint16Array[]) {
    this.#world = world;
    this.#renamed = renamed;
    this.#seen = new StateSet(world.layout, world.bounds, renamings);
    this.#projected = new Uint8Array(world.layout.size);
  }

  /**
   * Adds the world's state.
   * @param rights in it
   * @param number of the state
   * @returns the number of the first state with the same objects and attachments, if its rights are others
   */
  add(rights: number, number: number): number | undefined {
    const { visible, size } = this.#world.layout;
    for (let i = 0; i < size; i++) this.#projected[i] = visible[i] ? (this.#world.s[i] as number) : 0;
    const added = this.#seen.add(this.#projected);
    const under = (to: number): number => (this.#renamed[to] as Uint16Array)[rights] as number;
    const now = under(this.#seen.to[0] as number);
    const at = added < 0 ? -1 - added : added;
    if (added >= 0) {
      this.#rights[at] = now;
      this.#first[at] = number;
    } else this.met = true;
    // Objects that look alike: whoever is renamed into the same picture must have the same rights.
    const alike = this.#rights[at] === now && this.#seen.to.every((to) => under(to) === now);
    return alike ? undefined : this.#first[at];
  }
}
