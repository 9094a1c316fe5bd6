/** `ioasid exec`: starts a program under a seccomp listener, and the Worker that serves it. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { addressOf, check, libc } from './libc.js';
import type { WorkerInput, WorkerOutput } from './worker.js';

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const EFD_NONBLOCK_CLOEXEC = 0o4000 | 0o2000000;
/** Exit status when the runner itself cannot do its work. */
export const EXIT_RUNNER = 125;

export interface ExecOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** A machine file; the default machine when not given. */
  readonly machine?: string | undefined;
  readonly authority?: string | undefined;
  readonly trace?: string | undefined;
  /** Let io_uring_setup through. */
  readonly ioUring?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** The directory where the runs of this user are; only the user can enter it. */
export function runsDirectory(): string {
  const base = process.env.XDG_RUNTIME_DIR ?? join(tmpdir(), `ioasid-${process.getuid?.() ?? 0}`);
  const directory = base.includes('ioasid-') ? base : join(base, 'ioasid');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(directory);
  if (uid !== process.getuid?.() || (mode & 0o077) !== 0) {
    throw new Error(`${directory} must belong to you alone (mode 0700)`);
  }
  return directory;
}

/** Signals that the shell gave us as ignored: the program gets them ignored too. */
function ignoredSignals(): string {
  return /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
}

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** From a terminal these reach the program by themselves. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGHUP', 'SIGQUIT']);

/** Runs a program. Returns the exit status: the program's, 128+n after a signal, 125 if the runner failed. */
export async function exec(options: ExecOptions): Promise<number> {
  const say = (text: string): void => void process.stderr.write(`ioasid: ${text}\n`);
  if (process.platform !== 'linux') {
    say(`exec needs Linux, this is ${process.platform}`);
    return EXIT_RUNNER;
  }
  const pair = new DataView(new ArrayBuffer(8));
  check(libc.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, addressOf(pair)), 'socketpair');
  const [ours, theirs] = [pair.getInt32(0, true), pair.getInt32(4, true)];
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('./launcher.js', import.meta.url)),
      ...[options.ioUring ? 'io_uring' : '', ignoredSignals(), options.program, ...options.args],
    ],
    { stdio: ['inherit', 'inherit', 'inherit', theirs] },
  );
  libc.close(theirs);
  const terminal = process.stdin.isTTY || process.stderr.isTTY;
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!(terminal && FROM_TERMINAL.has(signal))) child.kill(signal);
    });
  }
  const directory = mkdtempSync(join(runsDirectory(), `${process.pid}-`));
  const input: WorkerInput = {
    socket: ours,
    wake: check(libc.eventfd(0, EFD_NONBLOCK_CLOEXEC), 'eventfd'),
    directory,
    machine: options.machine,
    authority: options.authority,
    trace: options.trace,
    color: process.stderr.isTTY === true && !process.env.NO_COLOR,
  };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: input, trackUnmanagedFds: false });
  const ended = new Promise<number>((resolve) => {
    child.on('error', (error) => {
      say(error.message);
      resolve(EXIT_RUNNER);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  let failure = false;
  const served = new Promise<void>((resolve) => {
    worker.on('message', (message: WorkerOutput) => {
      if (message.kind === 'done') {
        if (options.verbose) say(`${message.served} calls served, all caches flushed ${message.flushes} times`);
        return;
      }
      failure ||= message.kind === 'failed';
      say(message.kind === 'failed' ? message.message : `internal error, please report it: ${message.message}`);
    });
    worker.on('error', (error) => {
      failure = true;
      say(`internal error, please report it: ${error.stack ?? error.message}`);
    });
    worker.on('exit', () => resolve());
  });
  const [status] = await Promise.all([ended, served]);
  rmSync(directory, { recursive: true, force: true });
  return failure ? EXIT_RUNNER : status;
}
