/**
 * Linux error numbers by name (include/uapi/asm-generic/errno-base.h and errno.h), and a refused call: the number for the
 * program, and the sentence for the person who asks why. Only numbers that this project answers with, or names in a trace.
 */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  EDOM: 33,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EBADE: 52,
  ENODATA: 61,
  ETIME: 62,
  EPROTO: 71,
  EOVERFLOW: 75,
  EBADFD: 77,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  EALREADY: 114,
  ESTALE: 116,
  ECANCELED: 125,
} as const;

/** The name of an error number that this project can answer with. */
export type ErrnoName = keyof typeof ERRNO;

const NAMES = new Map<number, ErrnoName>(Object.entries(ERRNO).map(([name, number]) => [number, name as ErrnoName]));

/** The name of a positive error number, or `E<number>` for one that is not in the table. */
export function errnoName(number: number): string {
  return NAMES.get(number) ?? `E${number}`;
}

/** A refused call. The sentence names the value, the rule and the object; the trace keeps it. */
export class Errno extends Error {
  readonly code: ErrnoName;
  /** Positive error number. */
  readonly errno: number;

  constructor(code: ErrnoName, reason: string) {
    super(reason);
    this.name = 'Errno';
    this.code = code;
    this.errno = ERRNO[code];
  }
}
