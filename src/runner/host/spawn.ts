/** Starts a program: posix_spawn(3), with every string as bytes. A string here has one character a byte (latin1). */
import { accessSync, constants, statSync } from 'node:fs';
import { addressOf, libc, type Outcome, pointers } from './libc.js';

const SETSIGDEF = 4;
const SETSIGMASK = 8;
/** Bytes of posix_spawnattr_t and of sigset_t, with room to spare. */
const ATTRIBUTES = 512;
const SIGNAL_SET = 128;
const ENOENT = 2;
const ENOEXEC = 8;
const EACCES = 13;
const ENOTDIR = 20;
const ALL_SIGNALS = (1n << 64n) - 1n;
/** Where a program is looked for without PATH, as execvp(3) does. */
const DEFAULT_PATH = '/bin:/usr/bin';

export interface SpawnOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: readonly string[];
  /** Signals that stay ignored, if this process ignores them: bit n-1 for signal n. */
  readonly ignored: bigint;
  /** The program's signal mask. */
  readonly blocked: bigint;
}

/** Makes a call; posix_spawn(3) returns the error number itself. */
export type CallSpawn = (call: (...args: number[]) => number, ...args: number[]) => Promise<Outcome>;

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(`${text}\0`, 'latin1'));

/** A zero-terminated array of strings, and what keeps it alive. */
function strings(list: readonly string[]): { array: Uint8Array; parts: Uint8Array[] } {
  const parts = list.map(bytes);
  return { array: pointers([...parts.map(addressOf), 0]), parts };
}

function signalSet(signals: bigint): Uint8Array {
  const view = new DataView(new ArrayBuffer(SIGNAL_SET));
  view.setBigUint64(0, signals, true);
  return new Uint8Array(view.buffer);
}

/** The files that a name may mean, in the order of PATH. */
function candidates({ file, environment }: SpawnOptions): string[] {
  if (file.includes('/')) return [file];
  const path = environment.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? DEFAULT_PATH;
  return path.split(':').map((directory) => (directory === '' ? `./${file}` : `${directory}/${file}`));
}

/** Does a search go on after this file? As execvp(3): if it is not there, or may not be executed. */
function missing(file: string): number {
  const name = Buffer.from(file, 'latin1');
  try {
    accessSync(name, constants.X_OK);
    return statSync(name).isFile() ? 0 : EACCES;
  } catch (error) {
    const { errno = -ENOENT } = error as NodeJS.ErrnoException;
    return -errno;
  }
}

/**
 * Starts a program.
 * @param call makes the call on the thread whose child the program is to be
 * @returns its process id, or -errno
 */
export async function spawn(options: SpawnOptions, call: CallSpawn): Promise<number> {
  const attributes = new Uint8Array(new ArrayBuffer(ATTRIBUTES));
  const attributesAddress = addressOf(attributes);
  libc.posix_spawnattr_init(attributesAddress);
  libc.posix_spawnattr_setflags(attributesAddress, SETSIGDEF | SETSIGMASK);
  libc.posix_spawnattr_setsigdefault(attributesAddress, addressOf(signalSet(ALL_SIGNALS & ~options.ignored)));
  libc.posix_spawnattr_setsigmask(attributesAddress, addressOf(signalSet(options.blocked)));
  const environment = strings(options.environment);
  const pid = new DataView(new ArrayBuffer(8));

  const start = async (file: string, args: readonly string[]): Promise<number> => {
    const [name, argv] = [bytes(file), strings(args)];
    const [argvAt, environmentAt] = [addressOf(argv.array), addressOf(environment.array)];
    const { result } = await call(
      libc.posix_spawn,
      ...[addressOf(pid), addressOf(name), 0, attributesAddress, argvAt, environmentAt],
    );
    // Alive until here: what the addresses point to.
    return environment.parts.length + argv.parts.length > 0 ? result : -1;
  };

  let problem = ENOENT;
  const found = candidates(options);
  for (const file of found) {
    if (found.length > 1) {
      const why = missing(file);
      if (why === EACCES) problem = EACCES;
      if (why !== 0) continue;
    }
    let number = await start(file, [options.file, ...options.args]);
    // A script without an interpreter line is the shell's, as execvp(3) has it.
    if (number === ENOEXEC) number = await start('/bin/sh', ['/bin/sh', file, ...options.args]);
    if (number === 0) return pid.getInt32(0, true);
    if (found.length === 1 || (number !== ENOENT && number !== ENOTDIR && number !== EACCES)) return -number;
    if (number === EACCES) problem = EACCES;
  }
  return -problem;
}
