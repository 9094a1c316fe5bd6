/** `ioasid exec`: runs a program on the virtual kernel, in this process: its thread serves, its child is the program. */
import { rmSync } from 'node:fs';
import { listen } from './control.js';
import { libc } from './host/libc.js';
import { hostLimit } from './host/limits.js';
import { say } from './host/output.js';
import { goFirst } from './host/priority.js';
import { type Inheritance, inheritance, lastArguments, limitOpenFiles } from './inheritance.js';
import { requireKernel } from './kernel-version.js';
import { Program, SIGNALLED } from './program.js';
import { Run, type RunOptions } from './run.js';
import { newRun, runsDirectory, sweep } from './runs.js';
import { buildFilter, SMALL_BAR0 } from './seccomp/filter.js';
import { hostArchitecture } from './seccomp/syscalls.js';
import { startUi } from './start-ui.js';

/** Exit status when the runner itself cannot do its work. */
export const EXIT_RUNNER = 125;

export interface ExecOptions extends RunOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Serve the page of this run. `hold`: the program waits before its first call. */
  readonly ui?: true | 'hold' | undefined;
  /** Let io_uring_setup through. */
  readonly ioUring?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

const reason = (error: unknown): string =>
  hostLimit(error)?.sentence ?? (error instanceof Error ? error.message : String(error));

/** Descriptors from this number on are driven: few programs have as many of their own. */
const FIRST_DRIVEN = 512;

/** The same where the program may not have so many: the upper half. */
function driven({ openFiles }: Inheritance): number {
  return openFiles === undefined ? FIRST_DRIVEN : Math.min(FIRST_DRIVEN, Math.floor(Number(openFiles) / 2));
}

/** Everything that must be there before the program starts. @throws Error what is missing */
async function run(options: ExecOptions, directory: string): Promise<number> {
  const given = inheritance();
  // As the shell gave them: not every argument is UTF-8.
  const [file = '', ...args] = lastArguments(options.args.length + 1);
  const firstDriven = driven(given);
  const run = await Run.boot(options);
  const filter = buildFilter(hostArchitecture(), {
    ...{ ioUring: options.ioUring ?? false, firstDriven },
    largeBar0: run.largestBar0 > SMALL_BAR0,
    hostKvm: run.hostKvm,
  });
  if (options.verbose) run.tellDevices();
  const told = new Set<string>();
  const program = new Program(given, (pid) => run.follows(pid));
  run.prepare({
    directory,
    firstDriven,
    onLimit: (sentence) => {
      if (!told.has(sentence)) say(sentence);
      told.add(sentence);
    },
    onFirst: (pid) => {
      if (given.openFiles !== undefined) limitOpenFiles(pid, given.openFiles);
    },
    onStatus: (pid, status) => program.heard(pid, status),
    onBug: (error) =>
      say(`internal error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : error}`),
  });
  listen(
    directory,
    (request) => Promise.resolve(run.control(request)),
    (socket) => {
      run.live.watch(socket);
      if (options.ui === true) run.live.resume();
    },
  );
  if (options.ui !== undefined) run.live.pause();
  let ended: number | undefined;
  program.onEnd = (signal) => {
    ended = SIGNALLED + signal;
    run.stop(signal);
  };
  const listener = await program.install(filter);
  goFirst();
  let problem: unknown;
  const started = program
    .start(file, args)
    .then(() => {
      if (options.ui !== undefined) startUi(directory, () => run.live.resume());
    })
    .catch((error: unknown) => {
      problem = error;
    });
  try {
    await run.serve(listener);
    await started;
    if (problem !== undefined) throw problem;
  } catch (error) {
    program.kill();
    throw error;
  }
  const status = ended ?? program.wait();
  await run.farewell();
  if (options.ui === true && !run.live.seen)
    say('the program ended before its page was opened: with --ui hold it waits for you');
  if (program.problem !== undefined) say(`cannot run ${options.program}: ${libc.strerror(program.problem)}`);
  return run.finish(status, options.verbose ?? false) ?? status;
}

/**
 * Runs a program, and ends this process with its exit status: the program's, 128+n after a signal, 125 if the runner
 * failed. Node's process.stdin, stdout and stderr are not touched: they would make descriptors non-blocking that the
 * program shares.
 */
export async function exec(options: ExecOptions): Promise<never> {
  let status = EXIT_RUNNER;
  let directory: string | undefined;
  try {
    if (process.platform !== 'linux') throw new Error(`exec needs Linux, this is ${process.platform}`);
    requireKernel();
    const base = runsDirectory();
    sweep(base);
    directory = newRun(base);
    status = await run(options, directory);
  } catch (error) {
    say(reason(error));
  }
  try {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    say(`${directory} is left behind: ${reason(error)}`);
  }
  // Not by way of Node's own end: the thread of its pool that started the program is gone.
  process.emit('exit', status);
  libc.exit(status);
  throw new Error('unreachable: exit returned');
}
