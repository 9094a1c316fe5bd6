/** Limits of the host that a run can meet while it goes on: which, and what to do. */
import { constants } from 'node:os';
import { LibcError } from './libc.js';

const { ENFILE, EMFILE, ENOMEM, ENOSPC } = constants.errno;

/** Checks of `ioasid doctor` that a refusal can name. */
export const CHECK = {
  listener: 'seccomp listener',
  memory: 'descriptors and memory',
  watches: 'inotify watches',
  instances: 'inotify instances',
  openFiles: 'open files',
  runs: 'directory of runs',
} as const;

export interface HostLimit {
  readonly errno: number;
  /** For the user: the limit's name, and the check of `ioasid doctor` that explains it. */
  readonly sentence: string;
}

interface Advice {
  readonly text: string;
  readonly check?: string;
}

const ADVICE: Readonly<Record<number, Advice>> = {
  [EMFILE]: {
    text: 'the limit of open files of ioasid exec is reached (RLIMIT_NOFILE): raise ulimit -Hn',
    check: CHECK.openFiles,
  },
  [ENFILE]: { text: 'the host’s limit of open files is reached: raise sysctl fs.file-max' },
  [ENOSPC]: { text: 'the host has no room left', check: CHECK.runs },
  [ENOMEM]: { text: 'the host has no memory left' },
};
const INOTIFY: Readonly<Record<number, Advice>> = {
  [ENOSPC]: {
    text: 'the host’s limit of watched files is reached: raise sysctl fs.inotify.max_user_watches',
    check: CHECK.watches,
  },
  [EMFILE]: {
    text: 'the host’s limit of inotify instances is reached: raise sysctl fs.inotify.max_user_instances',
    check: CHECK.instances,
  },
};

/** Points to the check of `ioasid doctor` that explains a refusal. */
export function seeCheck(check: string): string {
  return `'ioasid doctor' tells more: ${check}`;
}

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
  const advice = (error.message.startsWith('inotify') ? INOTIFY : ADVICE)[errno] ?? ADVICE[errno];
  if (advice === undefined) return undefined;
  const { text, check } = advice;
  return { errno, sentence: `${text} (${error.message})${check === undefined ? '' : `; ${seeCheck(check)}`}` };
}
