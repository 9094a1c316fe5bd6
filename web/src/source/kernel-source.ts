/** The kernel that runs in the page, as a source: a program of the page makes its calls, in slices between frames. */
import { type BootedMachine, bootMachine } from '../../../src/boot.js';
import { DmaMeter } from '../../../src/inspect/dma-meter.js';
import { reach } from '../../../src/inspect/hands.js';
import { type Holder, processViews } from '../../../src/inspect/processes.js';
import { snapshotOf } from '../../../src/inspect/snapshot.js';
import type { Command, Sink, SpaceWindow, Stop, WindowQuery } from '../../../src/inspect/source.js';
import { spaceWindow } from '../../../src/inspect/space-window.js';
import { matches } from '../../../src/inspect/stop.js';
import type { Process } from '../../../src/kernel/process.js';
import { callEvent, noteEvent, type TraceEvent } from '../../../src/trace/json.js';
import type { PageProgram } from './programs.js';
import type { Source } from './source.js';

/** Milliseconds that the program gets at once: as many as passed since it ran last, so that drawing takes half at most. */
const SLICE = { least: 6, most: 40 };

export class KernelSource implements Source {
  readonly title: string;
  readonly kind = 'kernel';
  readonly machine: BootedMachine;
  readonly #sink: Sink;
  readonly #meter: DmaMeter;
  readonly #program: Generator<void, void, void>;
  readonly #holders: Holder[] = [];
  readonly #holdAfter: number | undefined;
  #events: TraceEvent[] = [];
  #stops: readonly Stop[] = [];
  #held = false;
  #ended = false;
  #done = 0;
  #frame = 0;
  /** When the program was last left, milliseconds. */
  #left = 0;
  /** The machine's clock stands still while the program is held. */
  #clock = 0;
  #since = performance.now();

  constructor(program: PageProgram, sink: Sink, authority = 'mediated') {
    this.title = program.name;
    this.#sink = sink;
    this.#holdAfter = program.holdAfter;
    this.machine = bootMachine({
      authority,
      coherency: 'strict',
      now: () => this.#now(),
      ...(program.machine && { machine: program.machine }),
    });
    const { kernel, hardware } = this.machine;
    this.#meter = new DmaMeter(
      hardware.devices.map(({ port }) => port),
      () => this.#now(),
    );
    kernel.watch({
      called: (record) => this.#happened(callEvent(this.#now(), record)),
      noted: (subject, text) => this.#happened(noteEvent(this.#now(), subject, text)),
    });
    const spawn = (): Process => {
      const process = this.machine.spawn();
      this.#holders.push({ pid: process.pid, files: () => process.files() });
      return process;
    };
    this.#program = program.run(spawn, this.machine);
    this.#frame = requestAnimationFrame(() => this.#slice());
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
  }

  async window(query: WindowQuery): Promise<SpaceWindow> {
    return spaceWindow(this.machine, query);
  }

  async command(command: Command): Promise<void> {
    switch (command.command) {
      case 'unplug':
      case 'plug':
      case 'authority':
      case 'interrupt':
      case 'fault':
        reach(this.machine, command);
        break;
      case 'pause':
        this.#hold();
        break;
      case 'continue':
        this.#since = performance.now();
        this.#held = false;
        this.#sink.held(undefined);
        this.#frame = requestAnimationFrame(() => this.#slice());
        break;
      case 'step':
        this.#step();
        break;
      case 'break':
        this.#stops = command.stops;
        break;
      case 'fail':
        throw new Error('the kernel in the page fails no call by itself: attach to a run of ioasid exec');
    }
    this.#flush();
  }

  #now(): number {
    return this.#held ? this.#clock : this.#clock + performance.now() - this.#since;
  }

  #hold(call?: TraceEvent): void {
    if (!this.#held) this.#clock = this.#now();
    this.#held = true;
    this.#sink.held(call ?? { time: this.#clock, call: 'paused' });
  }

  #happened(event: TraceEvent): void {
    this.#events.push(event);
    if (this.#stops.some((stop) => matches(stop, event))) this.#hold(event);
  }

  /** One call further. */
  #step(): void {
    if (this.#ended) return;
    if (this.#held) this.#clock++;
    if (this.#program.next().done) {
      this.#ended = true;
      this.#sink.ended('the program has ended; its processes keep what they hold');
    }
    if (++this.#done === this.#holdAfter) this.#hold();
  }

  #slice(): void {
    if (this.#held) return;
    const now = performance.now();
    const end = now + Math.min(SLICE.most, Math.max(SLICE.least, now - this.#left));
    do this.#step();
    while (!this.#held && !this.#ended && performance.now() < end);
    this.#flush();
    this.#left = performance.now();
    if (!this.#held && !this.#ended) this.#frame = requestAnimationFrame(() => this.#slice());
  }

  #flush(): void {
    this.machine.tick();
    this.#sink.events(this.#events, 0);
    this.#events = [];
    this.#sink.activity(this.#meter.activity);
    this.#sink.snapshot(snapshotOf(this.machine, processViews(this.machine, this.#holders)));
  }
}
