/** The reads and writes of a character device that has none: EINVAL, at any position (fs/read_write.c, FMODE_CAN_READ). */
import { Errno } from '../abi/errno.js';

function refuse(): never {
  throw new Errno('EINVAL', 'the file can neither be read nor written');
}

/** For the table of such a file. */
export const NO_DATA = { read: refuse, write: refuse, pread: refuse, pwrite: refuse } as const;
