/** A copy of a descriptor of the program (pidfd_getfd(2)), and whether two are the same open file (kcmp(2)). */
import { Errno } from '../../abi/errno.js';
import { numberOf } from '../seccomp/syscalls.js';
import { errno, libc } from './libc.js';

const EBADF = 9;
const KCMP_FILE = 0;

/** Returns our copy; close it. @throws EBADF no such descriptor; EPERM the host lets us take none */
export function takeDescriptor(pidfd: number, fd: number): number {
  const ours = libc.syscall(numberOf('pidfd_getfd'), pidfd, fd, 0, 0, 0);
  if (ours >= 0) return ours;
  const number = errno();
  if (number === EBADF) throw new Errno('EBADF', `descriptor ${fd} is not open`);
  throw new Errno('EPERM', `the host lets us take no descriptor of the program: ${libc.strerror(number)}`);
}

/** Are two descriptors of ours one open file description? False where the host does not tell. */
export function sameOpenFile(a: number, b: number): boolean {
  return libc.syscall(numberOf('kcmp'), process.pid, process.pid, KCMP_FILE, a, b) === 0;
}
