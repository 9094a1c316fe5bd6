/** What a run is made of: the machine, its trace, and the supervisor that serves the program's calls from them. */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { type BootedMachine, bootMachine } from '../boot.js';
import { parseEviction } from '../iommu/cpu-caches.js';
import type { MachineDescription } from '../machine/schema.js';
import { type ControlAnswer, type ControlRequest, control } from './control.js';
import { turn } from './host/event-loop.js';
import { FileStore } from './host/file-store.js';
import { SharedMemory } from './host/memory/shared-memory.js';
import { say } from './host/output.js';
import { Clock } from './live/clock.js';
import { Live } from './live/live.js';
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
}

/** The YAML parser is loaded only for a machine file: the default machine comes parsed. */
async function readMachine(file: string): Promise<MachineDescription> {
  const { parseMachine } = await import('../machine/parse.js');
  return parseMachine(readFileSync(file, 'utf8'), file);
}

export class Run {
  readonly #machine: BootedMachine;
  readonly #trace: TraceFile | undefined;
  readonly #clock: Clock;
  #live: Live | undefined;
  #supervisor: Supervisor | undefined;

  private constructor(machine: BootedMachine, clock: Clock, trace: TraceFile | undefined) {
    this.#machine = machine;
    this.#clock = clock;
    this.#trace = trace;
  }

  /** Boots the machine and opens the trace. @throws Error that says what is wrong with the options */
  static async boot(options: RunOptions): Promise<Run> {
    const clock = new Clock();
    const machine = bootMachine({
      ...(options.machine !== undefined && { machine: await readMachine(options.machine) }),
      ...(options.authority !== undefined && { authority: options.authority }),
      coherency: options.coherency,
      selftest: options.selftest,
      ...(options.eviction !== undefined && { eviction: parseEviction(options.eviction) }),
      now: clock.now,
      makeMemory: (device, bar, size) => new SharedMemory(`/dev/vfio/devices/${device}`, bar, size),
      openStore: (file, size) => new FileStore(file, size),
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
    });
    const color = isatty(2) && !process.env.NO_COLOR;
    const { trace } = options;
    return new Run(machine, clock, trace === undefined ? undefined : openTrace(trace, machine.kernel, color));
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
      refresh: () => supervisor.paths.refresh(),
    });
    supervisor.live = this.#live;
    return this.#live;
  }

  /** Answers `ioasid ctl`. */
  control(request: ControlRequest): ControlAnswer {
    const answer = control(this.#machine, request);
    if (request.command === 'plug' || request.command === 'unplug') this.#supervisor?.paths.refresh();
    return answer;
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

  /** Ends the trace, and says what there is to say. */
  finish(verbose: boolean): void {
    this.#trace?.close();
    const { caches } = this.#machine;
    caches.finish();
    for (const line of staleReport(caches)) say(line);
    if (verbose) say(`${this.#supervisor?.served} calls served, all caches flushed ${caches.flushes} times`);
  }
}
