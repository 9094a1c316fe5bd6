/**
 * Places where the kernel allocates memory, and where that can be made to fail (Linux: failslab). Each is passed before
 * anything is changed, or where what was changed is undone.
 */
import { Errno } from '../abi/errno.js';

let fails: (() => boolean) | undefined;

/** Says, from now on, whether an allocation fails; undefined: none does. */
export function injectFailures(decide: (() => boolean) | undefined): void {
  fails = decide;
}

/** An allocation. @throws ENOMEM it was made to fail */
export function allocation(what: string): void {
  if (fails?.()) throw new Errno('ENOMEM', `the allocation of ${what} was made to fail`);
}
