/**
 * A character device without data: reads and writes at an offset are EINVAL (fs/read_write.c, FMODE_CAN_READ). Those at the
 * file's own position need no row: a table without them answers so.
 */
import { Errno } from '../../abi/errno.js';

function refuse(): never {
  throw new Errno('EINVAL', 'the file can neither be read nor written');
}

/** For the table of such a file. */
export const NO_DATA = { pread: refuse, pwrite: refuse } as const;
