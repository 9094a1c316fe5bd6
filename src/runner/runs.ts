/**
 * The runs of a user: one directory with a directory a run, PID-XXXXXX, for the control socket and the copies of the
 * virtual kernel's directories. A run holds a lock on its own (flock(2)), which ends with it however it ends and is seen
 * from every pid namespace; what nobody holds was left behind.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libc } from './host/libc.js';
import { CHECK, seeCheck } from './host/limits.js';

const LOCK_EX = 2;
const LOCK_NB = 4;
/** As newRun() names a directory. */
const RUN_NAME = /^\d+-[A-Za-z0-9]{6}$/;

/** Makes a directory that only its user can enter, if it is not there. @throws the system's error, or a reason */
function ownDirectory(directory: string): string {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // Not through a link: somebody else may have made it, and to a directory of ours.
  const found = lstatSync(directory);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new Error(`${directory} must belong to you alone, as a directory of mode 0700; ${seeCheck(CHECK.runs)}`);
  }
  return directory;
}

/**
 * The directory where the runs of this user are: under $XDG_RUNTIME_DIR, or where temporary files are if there is no
 * such directory.
 * @throws Error it cannot be made, or somebody else can enter it
 */
export function runsDirectory(): string {
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  if (runtime) {
    try {
      return ownDirectory(join(runtime, 'ioasid'));
    } catch (error) {
      // The variable may name what is not there, as after su, or what cannot be written to.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  try {
    return ownDirectory(join(tmpdir(), `ioasid-${process.getuid?.()}`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new Error(`${(error as Error).message}; ${seeCheck(CHECK.runs)}`);
  }
}

/** Opens a run's directory, links not followed; undefined if it is no directory of this user. */
function openRun(directory: string): number | undefined {
  try {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    if (fstatSync(fd).uid === process.getuid?.()) return fd;
    closeSync(fd);
  } catch {
    // It went away, or is something else.
  }
  return undefined;
}

const lock = (fd: number): boolean => libc.flock(fd, LOCK_EX | LOCK_NB) === 0;

/**
 * Makes a directory for this run, and locks it as long as this process lives.
 * @throws the system's error
 */
export function newRun(base: string): string {
  for (;;) {
    const directory = mkdtempSync(join(base, `${process.pid}-`));
    const fd = openRun(directory);
    // A run that started at the same moment may have taken it for left behind.
    if (fd !== undefined && lock(fd) && fstatSync(fd).nlink > 0) return directory;
    if (fd !== undefined) closeSync(fd);
  }
}

/** The directories that runs made, and whether the run still goes on. */
function* found(base: string): Generator<{ pid: number; directory: string; alive: boolean }> {
  for (const name of readdirSync(base)) {
    if (!RUN_NAME.test(name)) continue;
    const directory = join(base, name);
    const fd = openRun(directory);
    if (fd === undefined) continue;
    try {
      yield { pid: Number.parseInt(name, 10), directory, alive: !lock(fd) };
    } finally {
      closeSync(fd);
    }
  }
}

/** The runs of this user that go on: process id of `ioasid exec`, and its directory. */
export function runs(base: string): { pid: number; directory: string }[] {
  return [...found(base)].filter(({ alive }) => alive);
}

/** Takes away what runs left behind whose supervisor was killed: nothing else, and never through a link. */
export function sweep(base: string): void {
  for (const { directory, alive } of found(base)) {
    if (alive) continue;
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch {
      // Its own user may have to do it: as from a user namespace, where not all files are of one's own.
    }
  }
}
