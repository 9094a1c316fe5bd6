/** How each state was reached: from which one, by which action. */
import { grown } from './word-map.js';

/** Actions have numbers below this. */
const MOST_ACTIONS = 256;

export class Trail {
  #parents = new Uint32Array(1 << 12);
  #taken = new Uint8Array(1 << 12);

  /** @throws RangeError there are more actions than it can number */
  constructor(actions: number) {
    if (actions > MOST_ACTIONS) throw new RangeError(`the bounds make ${actions} actions; at most ${MOST_ACTIONS}`);
  }

  get bytes(): number {
    return this.#parents.byteLength + this.#taken.byteLength;
  }

  /** A state with the next number was reached. */
  add(number: number, parent: number, action: number): void {
    this.#parents = grown(this.#parents, number, (size) => new Uint32Array(size));
    this.#taken = grown(this.#taken, number, (size) => new Uint8Array(size));
    this.#parents[number] = parent;
    this.#taken[number] = action;
  }

  /** The actions on the way from the beginning, each in the names of the state that it starts from. */
  to(number: number): number[] {
    const actions: number[] = [];
    for (let at = number; at > 0; at = this.#parents[at] as number) actions.unshift(this.#taken[at] as number);
    return actions;
  }
}
