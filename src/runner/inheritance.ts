/**
 * What the shell gives to a program, and Node changes at its own start: descriptors become close-on-exec, closed ones are
 * opened, ignored and blocked signals are reset, the soft limit of descriptors is raised. bin/ioasid notes it before Node
 * runs, in the variable IOASID_SHELL and in a pipe; started without it, what Node has left is taken. Arguments and
 * environment are bytes: a string here has one character a byte (latin1).
 */
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { addressOf, libc } from './host/libc.js';

const VARIABLE = 'IOASID_SHELL';
/** A note of the environment that is this long was cut off (bin/ioasid). */
const NOTE_SIZE = 60_000;
const F_GETFD = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const RLIMIT_NOFILE = 7;
const STDIO = [0, 1, 2];

export interface Inheritance {
  /** NAME=value, each. */
  readonly environment: readonly string[];
  /** Open descriptors. */
  readonly descriptors: readonly number[];
  /** Signals, bit n-1 for signal n. */
  readonly blocked: bigint;
  readonly ignored: bigint;
  /** Soft limit of descriptors. */
  readonly openFiles: bigint | undefined;
}

/** The parts of a file of zero-terminated strings. */
const parts = (bytes: Buffer): string[] => bytes.toString('latin1').split('\0').slice(0, -1);

/** The last arguments of this process, as bytes. */
export function lastArguments(count: number): string[] {
  return parts(readFileSync('/proc/self/cmdline')).slice(-count);
}

/** Reads the note of the environment, and takes the pipe away. */
function readNote(fd: number): string[] | undefined {
  const bytes = readFileSync(fd);
  closeSync(fd);
  return bytes.length > 0 && bytes.length < NOTE_SIZE ? parts(bytes) : undefined;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** Takes down what this process was given; what bin/ioasid noted is taken out of the environment. */
export function inheritance(): Inheritance {
  const own = parts(readFileSync('/proc/self/environ')).filter((entry) => !entry.startsWith(`${VARIABLE}=`));
  const note = process.env[VARIABLE];
  delete process.env[VARIABLE];
  const fields = note?.split(' ');
  if (fields === undefined || fields.length < 4) {
    return { environment: own, descriptors: STDIO, blocked: 0n, ignored: 0n, openFiles: undefined };
  }
  const [pipe = '', limit = '', blocked = '', ignored = '', ...descriptors] = fields;
  return {
    environment: (pipe === '' ? undefined : readNote(Number(pipe))) ?? own,
    descriptors: descriptors.map(Number).filter(isOpen),
    blocked: BigInt(`0x${blocked || '0'}`),
    ignored: BigInt(`0x${ignored || '0'}`),
    openFiles: /^\d+$/.test(limit) ? BigInt(limit) : undefined,
  };
}

/** Makes a child of this process inherit these descriptors, and no others. */
export function passOn(descriptors: readonly number[]): void {
  for (const fd of STDIO) libc.fcntl(fd, F_SETFD, descriptors.includes(fd) ? 0 : FD_CLOEXEC);
  for (const fd of descriptors) if (libc.fcntl(fd, F_GETFD, 0) >= 0) libc.fcntl(fd, F_SETFD, 0);
}

/** Sets a process's soft limit of descriptors. */
export function limitOpenFiles(pid: number, soft: bigint): void {
  const limits = new DataView(new ArrayBuffer(16));
  const address = addressOf(limits);
  if (libc.prlimit(pid, RLIMIT_NOFILE, 0, address) !== 0) return;
  const hard = limits.getBigUint64(8, true);
  limits.setBigUint64(0, soft < hard ? soft : hard, true);
  libc.prlimit(pid, RLIMIT_NOFILE, address, 0);
}
