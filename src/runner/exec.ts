/** `ioasid exec`: starts a program under a seccomp listener, and the Worker that serves it. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type ControlAnswer, type ControlRequest, listen } from './control.js';
import { signalEventfd } from './host/eventfd.js';
import { addressOf, check, libc } from './host/libc.js';
import { newRun, runsDirectory, sweep } from './runs.js';
import type { WorkerInput, WorkerOutput, WorkerRequest } from './worker.js';

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
  readonly coherency?: 'strict' | undefined;
  readonly eviction?: string | undefined;
  /** Let io_uring_setup through. */
  readonly ioUring?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Signals that the shell gave us as ignored: the program gets them ignored too. */
function ignoredSignals(): string {
  return /^SigIgn:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '0';
}

const FORWARDED = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** From a terminal these reach the program by themselves. */
const FROM_TERMINAL: ReadonlySet<string> = new Set(['SIGINT', 'SIGHUP', 'SIGQUIT']);

/** Requests to the Worker, which sits in its serving loop: a message, and a wake-up. */
class Control {
  readonly #worker: Worker;
  readonly #wake: number;
  readonly #waiting = new Map<number, (answer: ControlAnswer) => void>();
  #number = 0;

  constructor(worker: Worker, wake: number) {
    this.#worker = worker;
    this.#wake = wake;
  }

  ask(request: ControlRequest): Promise<ControlAnswer> {
    return new Promise((resolve) => {
      const number = ++this.#number;
      this.#waiting.set(number, resolve);
      const message: WorkerRequest = { number, request };
      this.#worker.postMessage(message);
      signalEventfd(this.#wake);
    });
  }

  answered(number: number, answer: ControlAnswer): void {
    this.#waiting.get(number)?.(answer);
    this.#waiting.delete(number);
  }
}

/**
 * Runs a program. Node's process.stdin, stdout and stderr are not touched: they would make descriptors non-blocking that
 * the program shares. Returns the exit status: the program's, 128+n after a signal, 125 if the runner failed. */
export async function exec(options: ExecOptions): Promise<number> {
  const say = (text: string): void => void writeSync(2, `ioasid: ${text}\n`);
  if (process.platform !== 'linux') {
    say(`exec needs Linux, this is ${process.platform}`);
    return EXIT_RUNNER;
  }
  const base = runsDirectory();
  sweep(base);
  const directory = newRun(base);
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
  const terminal = isatty(0) || isatty(2);
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!(terminal && FROM_TERMINAL.has(signal))) child.kill(signal);
    });
  }
  const input: WorkerInput = {
    socket: ours,
    wake: check(libc.eventfd(0, EFD_NONBLOCK_CLOEXEC), 'eventfd'),
    directory,
    machine: options.machine,
    authority: options.authority,
    trace: options.trace,
    coherency: options.coherency,
    eviction: options.eviction,
    color: isatty(2) && !process.env.NO_COLOR,
  };
  // Without stdout and stderr of its own Node would open process.stdout, and so make the program's pipes non-blocking.
  const worker = new Worker(new URL('./worker.js', import.meta.url), {
    workerData: input,
    trackUnmanagedFds: false,
    stdout: true,
    stderr: true,
  });
  const ended = new Promise<number>((resolve) => {
    child.on('error', (error) => {
      say(error.message);
      resolve(EXIT_RUNNER);
    });
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  const control = new Control(worker, input.wake);
  const server = listen(directory, (request) => control.ask(request));
  let failure = false;
  const served = new Promise<void>((resolve) => {
    worker.on('message', (message: WorkerOutput) => {
      if (message.kind === 'done') {
        server.close();
        for (const line of message.report) say(line);
        if (options.verbose) say(`${message.served} calls served, all caches flushed ${message.flushes} times`);
        return;
      }
      if (message.kind === 'answer') {
        control.answered(message.number, message.answer);
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
