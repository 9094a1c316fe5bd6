/** What a run is made of: the machine, those who watch it, and the supervisor that serves the program's calls from it. */
import type { BootedMachine } from '../boot.js';
import { deviceTable } from '../machine/listing.js';
import { bootForRun, type MachineOptions } from './boot-for-run.js';
import { type ControlAnswer, type ControlRequest, control } from './control.js';
import { turn } from './host/event-loop.js';
import { libc } from './host/libc.js';
import { say } from './host/output.js';
import { Clock } from './live/clock.js';
import { Live } from './live/live.js';
import { type ObserverOptions, Observers } from './observe/observers.js';
import type { RunFile } from './record/run-file.js';
import { Supervisor, type SupervisorOptions } from './serve/supervisor.js';

/** How long an ended run waits for a reader, milliseconds. */
const LAST_WORDS = 500;

export interface RunOptions extends MachineOptions, ObserverOptions {
  /** All that the machine is handed and does goes there, for `ioasid replay`. */
  readonly record?: string | undefined;
}

/** Loaded only when a run is recorded. */
async function openRecord(file: string, clock: () => number): Promise<RunFile> {
  const { RunFile } = await import('./record/run-file.js');
  return new RunFile(file, clock);
}

export class Run {
  readonly #machine: BootedMachine;
  readonly #observers: Observers;
  readonly #clock: Clock;
  #live: Live | undefined;
  #supervisor: Supervisor | undefined;
  #stopped = false;

  private constructor(machine: BootedMachine, clock: Clock, observers: Observers) {
    this.#machine = machine;
    this.#clock = clock;
    this.#observers = observers;
  }

  /** Boots the machine, and lets those watch it who are asked for. @throws Error that says what is wrong with the options */
  static async boot(options: RunOptions): Promise<Run> {
    const clock = new Clock();
    const record = options.record === undefined ? undefined : await openRecord(options.record, clock.now);
    const machine = await bootForRun(options, clock.now, record);
    return new Run(machine, clock, await Observers.start(machine, options, record));
  }

  /** Gets ready to serve. */
  prepare(options: Omit<SupervisorOptions, 'onIdle'>): void {
    this.#supervisor = new Supervisor(this.#machine, { ...options, onIdle: this.#observers.onIdle });
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

  /** Is the thread followed? How its process ends is told by onStatus then. */
  follows(tid: number): boolean {
    return this.#supervisor?.follows(tid) ?? false;
  }

  /** Answers `ioasid ctl`. */
  control(request: ControlRequest): ControlAnswer {
    return control(this.#machine, request);
  }

  /** Serves until no process is left under the filter; the event loop turns when it has something to do. */
  async serve(listener: number): Promise<void> {
    this.#supervisor?.listen(listener);
    do await turn();
    while (!this.#stopped && this.#supervisor?.serve() === 'events');
  }

  /** Serves no longer: who made calls on virtual files, and is left, gets this signal. */
  stop(signal: number): void {
    this.#stopped = true;
    for (const { pid } of this.#supervisor?.holders() ?? []) libc.kill(pid, signal);
  }

  /** Tells those who look the rest; a reader that does not read is left behind. */
  async farewell(): Promise<void> {
    this.#live?.finish();
    const end = performance.now() + LAST_WORDS;
    while ((this.#live?.unsent ?? 0) > 0 && performance.now() < end) await turn();
  }

  /** /dev/kvm is the host's. */
  get hostKvm(): boolean {
    return this.#machine.kvm.ofHost;
  }

  /** Bytes of the largest BAR0 of a device. */
  get largestBar0(): number {
    return Math.max(0, ...this.#machine.hardware.devices.map(({ function: pci }) => pci.bar(0)?.size ?? 0));
  }

  /** Says how each device of the machine is reached. */
  tellDevices(): void {
    for (const line of deviceTable(this.#machine.list())) say(line);
  }

  /**
   * The program is gone: says what there is to say.
   * @param ended the program's exit status
   * @returns the exit status in place of it; undefined: the program's
   */
  finish(ended: number, verbose: boolean): number | undefined {
    const { caches } = this.#machine;
    caches.finish();
    const status = this.#observers.finish(ended);
    if (verbose) say(`${this.#supervisor?.served} calls served, all caches flushed ${caches.flushes} times`);
    return status;
  }
}
