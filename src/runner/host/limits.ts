/** Limits of the host that a run can meet while it goes on: which, and what to do. */
import { constants } from 'node:os';
import { LibcError } from './libc.js';

const { ENFILE, EMFILE, ENOMEM, ENOSPC } = constants.errno;

export interface HostLimit {
  readonly errno: number;
  /** For the user: the limit's name. */
  readonly sentence: string;
}

const ADVICE: Readonly<Record<number, string>> = {
  [EMFILE]: 'the limit of open files of ioasid exec is reached (RLIMIT_NOFILE): raise ulimit -Hn',
  [ENFILE]: 'the host’s limit of open files is reached: raise sysctl fs.file-max',
  [ENOSPC]: 'the host has no room left',
  [ENOMEM]: 'the host has no memory left',
};

/** The number of a system error, of ours or of Node's. */
function numberOf(error: unknown): number | undefined {
  if (error instanceof LibcError) return error.errno;
  const { errno } = error as NodeJS.ErrnoException;
  return error instanceof Error && typeof errno === 'number' ? -errno : undefined;
}

/** The limit that an error speaks of; undefined if it is something else. */
export function hostLimit(error: unknown): HostLimit | undefined {
  const errno = numberOf(error);
  if (errno === undefined || !(error instanceof Error)) return undefined;
  if (errno === ENOSPC && error.message.startsWith('inotify')) {
    return {
      errno,
      sentence: 'the host’s limit of watched files is reached: raise sysctl fs.inotify.max_user_watches',
    };
  }
  const advice = ADVICE[errno];
  return advice === undefined ? undefined : { errno, sentence: `${advice} (${error.message})` };
}
