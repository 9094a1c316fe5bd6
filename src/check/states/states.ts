/** What the explorer remembers of the states that it has met. */
import type { World } from '../world.js';

export interface States {
  /** States that were met, each standing for its renamings. */
  readonly count: number;
  /** Those states with their renamings. */
  readonly covered: number;
  readonly bytes: number;
  /** The rights in the state that was visited last, as bits, in the names of the world. */
  readonly rights: number;
  /** Meets the world's state. True if it is new: then its number is the count before. */
  visit(world: World): boolean;
  /** Unpacks a state; they are asked for in the order of their numbers. */
  read(number: number, into: Uint8Array): void;
}
