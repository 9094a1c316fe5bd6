/** An action of the checker's world, and the names that its objects have. */
import type { Step } from './steps.js';
import type { World } from './world.js';

/** What became of an action: it cannot happen here, it happened, or the policy refused it. */
export type Outcome = 'impossible' | 'done' | 'refused';

export interface Action {
  readonly step: Step;
  run(world: World): Outcome;
}

export const processName = (index: number): string => String.fromCharCode(65 + index);
export const fileName = (index: number): string => `F${index + 1}`;
export const vmName = (index: number): string => String(index + 1);
