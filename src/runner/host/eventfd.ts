/** Eventfds of the program that the virtual kernel signals: a copy of the descriptor by pidfd_getfd(2). */
import { closeSync } from 'node:fs';
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/open-file.js';
import { addressOf, errno, libc } from './libc.js';
import { link } from './procfs.js';
import { numberOf } from './syscalls.js';

const EBADF = 9;
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer);
const COUNT = new Uint8Array(new ArrayBuffer(8));

/** Adds one to the counter of an eventfd. */
export function signalEventfd(fd: number): void {
  libc.write(fd, addressOf(ONE), ONE.length);
}

/** Sets the counter of an eventfd to zero. */
export function drainEventfd(fd: number): void {
  libc.read(fd, addressOf(COUNT), COUNT.length);
}

/** @throws EBADF no such descriptor; EINVAL no eventfd; EPERM the host lets us take none */
export function takeEventfd(pidfd: number, fd: number): EventSignal {
  const ours = libc.syscall(numberOf('pidfd_getfd'), pidfd, fd, 0, 0, 0);
  if (ours < 0) {
    const number = errno();
    if (number === EBADF) throw new Errno('EBADF', `descriptor ${fd} is not open`);
    throw new Errno('EPERM', `the host lets us take no descriptor of the program: ${libc.strerror(number)}`);
  }
  if (link(`/proc/self/fd/${ours}`) !== 'anon_inode:[eventfd]') {
    closeSync(ours);
    throw new Errno('EINVAL', `descriptor ${fd} is no eventfd`);
  }
  return {
    signal: () => signalEventfd(ours),
    close: () => closeSync(ours),
  };
}
