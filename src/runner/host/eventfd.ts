/** Eventfds of the program that the virtual kernel signals: a copy of the descriptor by pidfd_getfd(2). */
import { closeSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/file/open-file.js';
import { takeDescriptor } from './descriptor.js';
import { addressOf, libc } from './libc.js';
import { link } from './procfs.js';

const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const COUNT = new Uint8Array(new ArrayBuffer(8));
const POLLIN = 1;
/** One struct pollfd: descriptor, wanted events, events that there are. */
const POLLFD = new DataView(new ArrayBuffer(8));

/** Adds one to the counter of an eventfd. */
function signalEventfd(fd: number): void {
  libc.write(fd, addressOf(ONE), ONE.length);
}

/** Reads an eventfd if that does not wait. Returns true if its counter was not zero. */
function takeCount(fd: number): boolean {
  POLLFD.setInt32(0, fd, true);
  POLLFD.setInt16(4, POLLIN, true);
  if (libc.poll(addressOf(new Uint8Array(POLLFD.buffer)), 1, 0) <= 0) return false;
  libc.read(fd, addressOf(COUNT), COUNT.length);
  return true;
}

/** @throws EBADF no such descriptor; EINVAL no eventfd; EPERM the host lets us take none */
export function takeEventfd(pidfd: number, fd: number): EventSignal {
  const ours = takeDescriptor(pidfd, fd);
  if (link(`/proc/self/fd/${ours}`) !== 'anon_inode:[eventfd]') {
    closeSync(ours);
    throw new Errno('EINVAL', `descriptor ${fd} is no eventfd`);
  }
  return {
    signal: () => signalEventfd(ours),
    take: () => takeCount(ours),
    close: () => closeSync(ours),
  };
}
