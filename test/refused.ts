import { Errno } from '../src/abi/errno.js';

/** The name of the error that a call is refused with; `ok` if it is not. */
export function refused(act: () => unknown): string {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof Errno) return error.code;
    throw error;
  }
}
