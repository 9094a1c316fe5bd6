/** A call that has begun what was asked for, and must wait until it is done. */
import { Errno, type ErrnoName } from '../../abi/errno.js';

/** Who can let the caller wait does so until done() is true, and answers success; others answer the errno. */
export class Pending extends Errno {
  /** What was begun has come to its end. @throws Errno the call's answer; Pending it waits for something else */
  readonly done: () => boolean;

  constructor(code: ErrnoName, reason: string, done: () => boolean) {
    super(code, reason);
    this.done = done;
  }
}
