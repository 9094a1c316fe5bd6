/**
 * Descriptors that are given to programs for files of the tree which need no open file of the virtual kernel, and the
 * numbers they get. The filter hands over calls on descriptors from HIGH on that it lets pass on others, so that what must
 * act as a file of the tree is given out there; a caller without room there gets the lowest number. A file is a memfd
 * that is named after its path, so that whatever holds one can be told from its link under /proc.
 */
import { closeSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { Errno } from '../../abi/errno.js';
import { HIGH_DESCRIPTOR } from '../host/filter.js';
import { check, libc } from '../host/libc.js';
import type { Notification } from '../host/notification.js';
import { hostLink, hostOpen } from './host-calls.js';

/** The first of the high numbers. */
export const HIGH = HIGH_DESCRIPTOR;
/** Most numbers that are tried. */
const MAX_TRIES = 4096;
const MFD_CLOEXEC = 1;
/** Longest name of a memfd, bytes. */
const NAME_MAX = 249;
/** Access mode 3: neither read nor write. */
const NO_ACCESS = 3;

/**
 * Gives the caller a copy of one of our descriptors at a high number.
 * @param send the number is the call's result, and the call ends
 * @returns the number
 * @throws EMFILE
 */
export function giveHigh(n: Notification, fd: number, cloexec: boolean, send: boolean): number {
  let at = HIGH;
  while (at < HIGH + MAX_TRIES && hostLink(`/proc/${n.tid}/fd/${at}`) !== undefined) at++;
  let given = n.addDescriptor(fd, cloexec, send, at);
  // Above the limit of the caller: the host says EBADF.
  if (given === -constants.errno.EBADF) given = n.addDescriptor(fd, cloexec, send);
  if (given >= 0) return given;
  throw new Errno(
    given === -constants.errno.EMFILE ? 'EMFILE' : 'ESRCH',
    `the host gives the caller no descriptor (${given})`,
  );
}

/**
 * A descriptor from which a text can be read.
 * @param flags O_NONBLOCK
 */
export function textDescriptor(path: string, text: Uint8Array, flags: number): number {
  const base = check(libc.memfd_create(path.slice(0, NAME_MAX), MFD_CLOEXEC), 'memfd_create');
  try {
    writeSync(base, text);
    return check(hostOpen(`/proc/self/fd/${base}`, flags, 0), 'open of a memfd');
  } finally {
    closeSync(base);
  }
}

/** A descriptor that only names a path. */
export function pathDescriptor(path: string): number {
  const base = check(libc.memfd_create(path.slice(0, NAME_MAX), MFD_CLOEXEC), 'memfd_create');
  const fd = hostOpen(`/proc/self/fd/${base}`, NO_ACCESS, 0);
  closeSync(base);
  return check(fd, 'open of a memfd');
}
