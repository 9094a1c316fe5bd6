/**
 * Makes a thread of a program execute a system call, by ptrace(2): for what a supervisor cannot do for it, which is to
 * change its working directory. The thread waits in a call of the filter meanwhile, and goes on as if that call had done
 * it.
 *
 * What must hold: the listener was made with WAIT_KILLABLE_RECV, so that the thread stays in its call until it is
 * answered; and the call that is made does not go to the filter's listener, which nobody would serve meanwhile.
 */
import { Errno } from '../../abi/errno.js';
import { Tracee } from '../follow/tracee.js';
import type { Call } from '../seccomp/call.js';
import { numberOf } from '../seccomp/syscalls.js';

/**
 * The caller goes to a directory that it has a descriptor of, and closes the descriptor; its call is answered with the
 * outcome.
 * @throws EACCES the caller cannot be made to
 */
export function injectFchdir(n: Call, fd: number): 'done' {
  const tracee = new Tracee(n.tid);
  if (!tracee.seize()) {
    throw new Errno(
      'EACCES',
      `thread ${n.tid} cannot be made to change its directory: it is traced, or ptrace is refused`,
    );
  }
  n.answer(0);
  if (!tracee.stopped()) return 'done';
  const result = tracee.call(numberOf('fchdir'), fd);
  if (result === undefined || tracee.call(numberOf('close'), fd) === undefined) return 'done';
  tracee.finish(result);
  return 'done';
}
