/**
 * Descriptors that are given to programs for directories and paths of the tree, which need no open file of the virtual
 * kernel, and the numbers they get: the filter hands over more calls on driven descriptors than on others. A caller
 * without room there gets the lowest number. What only names a path is a memfd that is named after it, so that whatever
 * holds one can be told from its link under /proc.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { Errno } from '../../abi/errno.js';
import { check, libc } from '../host/libc.js';
import type { Call } from '../seccomp/call.js';
import { hostLink, hostOpen } from './host-calls.js';

/** Most numbers that are tried. */
const MAX_TRIES = 4096;
const MFD_CLOEXEC = 1;
/** Longest name of a memfd, bytes. */
const NAME_MAX = 249;
/** Access mode 3: neither read nor write. */
const NO_ACCESS = 3;

/**
 * Gives the caller a copy of one of our descriptors at a driven number, as the result of the call.
 * @param first the first driven number
 * @returns the number
 * @throws EMFILE
 */
export function giveDriven(n: Call, fd: number, cloexec: boolean, first: number): number {
  let number = first;
  while (number < first + MAX_TRIES && hostLink(`/proc/${n.tid}/fd/${number}`) !== undefined) number++;
  let given = n.addDescriptor(fd, { cloexec, send: true, number });
  // Above the limit of the caller: the host says EBADF.
  if (given === -constants.errno.EBADF) given = n.addDescriptor(fd, { cloexec, send: true });
  if (given >= 0) return given;
  throw new Errno(
    given === -constants.errno.EMFILE ? 'EMFILE' : 'ESRCH',
    `the host gives the caller no descriptor (${given})`,
  );
}

/** A descriptor that only names a path. */
export function pathDescriptor(path: string): number {
  const base = check(libc.memfd_create(path.slice(0, NAME_MAX), MFD_CLOEXEC), 'memfd_create');
  const fd = hostOpen(`/proc/self/fd/${base}`, NO_ACCESS, 0);
  closeSync(base);
  return check(fd, 'open of a memfd');
}
