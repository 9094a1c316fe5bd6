/** What a run is made of: the machine, its trace, and the supervisor that serves the program's calls from them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isatty } from 'node:tty';
import type { Policy } from '../authority/policy.js';
import { type BootedMachine, bootMachine } from '../boot.js';
import type { Rule } from '../inject/rule.js';
import { parseEviction } from '../iommu/cpu-caches.js';
import { deviceTable } from '../machine/listing.js';
import type { MachineDescription } from '../machine/schema.js';
import { type ControlAnswer, type ControlRequest, control } from './control.js';
import type { Watch } from './findings/watch.js';
import { turn } from './host/event-loop.js';
import { FileStore } from './host/file-store.js';
import { say } from './host/output.js';
import { Clock } from './live/clock.js';
import { Live } from './live/live.js';
import { SharedMemory } from './memory/shared-memory.js';
import { Supervisor, type SupervisorOptions } from './serve/supervisor.js';
import { staleReport } from './stale-report.js';
import { openTrace, type TraceFile } from './trace-file.js';

/** How long an ended run waits for a reader, milliseconds. */
const LAST_WORDS = 500;

export interface RunOptions {
  /** A machine file; the default machine when not given. */
  readonly machine?: string | undefined;
  readonly authority?: string | undefined;
  /** A file, or `-` for stderr. */
  readonly trace?: string | undefined;
  readonly coherency?: 'strict' | undefined;
  /** A kernel with Linux's own tests of iommufd; the machine file's choice when not given. */
  readonly selftest?: boolean | undefined;
  /** As --eviction takes it. */
  readonly eviction?: string | undefined;
  /** Failures on demand: rules, or files of rules. */
  readonly inject?: readonly string[] | undefined;
  /** What became of the rules goes there, as JSON. */
  readonly injectReport?: string | undefined;
  /** What to look for, comma-separated; the rest as WatchOptions says. */
  readonly sanitize?: string | undefined;
  readonly sanitizeExit?: string | undefined;
  readonly suppressions?: string | undefined;
  readonly sarif?: string | undefined;
  readonly version?: string | undefined;
}

/** The YAML parser is loaded only for a machine file: the default machine comes parsed. */
async function readMachine(file: string): Promise<MachineDescription> {
  const { parseMachine } = await import('../machine/parse.js');
  return parseMachine(readFileSync(file, 'utf8'), file);
}

/** The policy of a name or a file; and what is wrong with the policy is told as it shows. */
async function readPolicy(name: string): Promise<Policy> {
  const { loadPolicy } = await import('./policy-file.js');
  return loadPolicy(name, say);
}

/** Rules as --inject has them: written out, or in files. Loaded only when there are any. */
async function readRules(texts: readonly string[]): Promise<Rule[]> {
  const { readRule } = await import('./findings/rules.js');
  return texts.flatMap(readRule);
}

export class Run {
  readonly #machine: BootedMachine;
  readonly #trace: TraceFile | undefined;
  readonly #clock: Clock;
  readonly #watch: Watch | undefined;
  readonly #injectReport: string | undefined;
  #live: Live | undefined;
  #supervisor: Supervisor | undefined;

  private constructor(
    machine: BootedMachine,
    clock: Clock,
    trace: TraceFile | undefined,
    watch: Watch | undefined,
    injectReport: string | undefined,
  ) {
    this.#machine = machine;
    this.#clock = clock;
    this.#trace = trace;
    this.#watch = watch;
    this.#injectReport = injectReport;
  }

  /** Boots the machine and opens the trace. @throws Error that says what is wrong with the options */
  static async boot(options: RunOptions): Promise<Run> {
    const clock = new Clock();
    const machine = bootMachine({
      ...(options.machine !== undefined && { machine: await readMachine(options.machine) }),
      ...(options.authority !== undefined && { authority: await readPolicy(options.authority) }),
      coherency: options.sanitize?.split(',').includes('coherency') ? 'strict' : options.coherency,
      ...(options.inject && { inject: await readRules(options.inject) }),
      injectLog: options.injectReport !== undefined,
      selftest: options.selftest,
      ...(options.eviction !== undefined && { eviction: parseEviction(options.eviction) }),
      now: clock.now,
      makeMemory: (device, bar, size) => new SharedMemory(`/dev/vfio/devices/${device}`, bar, size),
      openStore: (file, size) => new FileStore(file, size),
      cpus: availableParallelism(),
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
    });
    const color = isatty(2) && !process.env.NO_COLOR;
    const { trace, sanitize, injectReport } = options;
    const traces = trace === undefined ? undefined : openTrace(trace, machine.kernel, color);
    if (sanitize === undefined) return new Run(machine, clock, traces, undefined, injectReport);
    const { Watch } = await import('./findings/watch.js');
    return new Run(machine, clock, traces, new Watch(machine, { ...options, sanitize }), injectReport);
  }

  /** Gets ready to serve. */
  prepare(options: Omit<SupervisorOptions, 'onIdle'>): void {
    const trace = this.#trace;
    this.#supervisor = new Supervisor(this.#machine, { ...options, onIdle: trace && (() => trace.flush()) });
  }

  /** What those see and do who look at the run. */
  get live(): Live {
    const supervisor = this.#supervisor;
    if (!supervisor) throw new Error('the run does not serve yet');
    this.#live ??= new Live(this.#machine, this.#clock, {
      release: (all) => supervisor.release(all),
      holders: () => supervisor.holders(),
    });
    supervisor.live = this.#live;
    return this.#live;
  }

  /** Answers `ioasid ctl`. */
  control(request: ControlRequest): ControlAnswer {
    return control(this.#machine, request);
  }

  /** Serves until no process is left under the filter; the event loop turns when it has something to do. */
  async serve(listener: number): Promise<void> {
    this.#supervisor?.listen(listener);
    do await turn();
    while (this.#supervisor?.serve() === 'events');
  }

  /** Tells those who look the rest; a reader that does not read is left behind. */
  async farewell(): Promise<void> {
    this.#live?.finish();
    const end = performance.now() + LAST_WORDS;
    while ((this.#live?.unsent ?? 0) > 0 && performance.now() < end) await turn();
  }

  /** Says how each device of the machine is reached. */
  tellDevices(): void {
    for (const line of deviceTable(this.#machine.list())) say(line);
  }

  /**
   * Ends the trace, and says what there is to say.
   * @returns the exit status in place of the program's; undefined: the program's
   */
  finish(verbose: boolean): number | undefined {
    this.#trace?.close();
    const { caches, injector } = this.#machine;
    caches.finish();
    const status = this.#watch?.finish();
    if (!this.#watch) for (const line of staleReport(caches)) say(line);
    if (this.#injectReport !== undefined) {
      writeFileSync(this.#injectReport, JSON.stringify({ fired: injector?.fired ?? [], calls: injector?.log ?? [] }));
    }
    if (verbose) say(`${this.#supervisor?.served} calls served, all caches flushed ${caches.flushes} times`);
    return status;
  }
}
