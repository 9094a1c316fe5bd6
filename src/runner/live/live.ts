/** A run as those see it who look at it while it goes on: all watchers, the gate, and the clock that stands still. */
import type { Socket } from 'node:net';
import { ERRNO, type ErrnoName } from '../../abi/errno.js';
import type { BootedMachine } from '../../boot.js';
import { DmaMeter } from '../../inspect/dma-meter.js';
import { reach } from '../../inspect/hands.js';
import { type Holder, processViews } from '../../inspect/processes.js';
import { snapshotOf } from '../../inspect/snapshot.js';
import type { Command, Stop } from '../../inspect/source.js';
import { spaceWindow } from '../../inspect/space-window.js';
import { callEvent, type TraceEvent } from '../../trace/json.js';
import type { Clock } from './clock.js';
import { Gate } from './gate.js';
import { type Answer, type Question, Watch } from './watch.js';

/** Watchers of one run at most. */
const MAX_WATCHES = 8;
/** While something waits to be told: how long the run may sleep, milliseconds. */
const SOON = 2;

/** What the serving loop does for those who look. */
export interface Served {
  /** Lets held calls go on: the oldest, or all. */
  release(all: boolean): void;
  /** The processes that made calls. */
  holders(): Holder[];
}

function errnoOf(name: string): ErrnoName {
  if (!(name in ERRNO)) throw new RangeError(`'${name}' is the name of no error`);
  return name as ErrnoName;
}

export class Live {
  readonly gate: Gate;
  readonly #machine: BootedMachine;
  readonly #clock: Clock;
  readonly #served: Served;
  readonly #watches = new Set<Watch>();
  /** The calls that are held, the oldest first. */
  readonly #held: TraceEvent[] = [];
  #unhook: (() => void) | undefined;
  /** While calls are asked about before they are carried out. */
  #ungate: (() => void) | undefined;
  #meter: DmaMeter | undefined;
  #seen = false;

  constructor(machine: BootedMachine, clock: Clock, served: Served) {
    this.#machine = machine;
    this.#clock = clock;
    this.#served = served;
    this.gate = new Gate(clock.now);
  }

  /** While nobody looks, the kernel tells us nothing: it has no cost. */
  #hook(): void {
    if (this.#unhook) return;
    const { kernel, hardware } = this.#machine;
    const meter = new DmaMeter(
      hardware.devices.map(({ port }) => port),
      this.#clock.now,
    );
    this.#meter = meter;
    const unhook = kernel.watch({
      called: (record) => {
        const time = this.#time();
        for (const watch of this.#watches) watch.recorder.call(time, record);
        if (record.error && this.gate.stops.length > 0) this.gate.served(callEvent(time, record));
      },
      noted: (subject, text) => {
        for (const watch of this.#watches) watch.recorder.note(this.#time(), subject, text);
      },
    });
    this.#unhook = () => {
      unhook();
      meter.stop();
      this.#meter = undefined;
      this.#unhook = undefined;
    };
  }

  /** Calls are asked about while something is to be held or failed: it costs each of them. */
  #regate(): void {
    if (this.gate.armed) this.#ungate ??= this.#machine.kernel.watch({ entered: (call) => this.gate.enter(call) });
    else {
      this.#ungate?.();
      this.#ungate = undefined;
    }
  }

  /** A connection wants to look. @throws Error too many do */
  watch(socket: Socket): void {
    if (this.#watches.size >= MAX_WATCHES) throw new Error(`${MAX_WATCHES} look at this run already`);
    const watch = new Watch(
      socket,
      (ask) => this.#answer(ask),
      () => {
        this.#seen ||= watch.seen;
        this.#watches.delete(watch);
        // Nobody is left who could let it go on.
        if (this.#watches.size > 0) return;
        this.gate.stops = [];
        this.gate.failing = undefined;
        this.resume();
        this.#unhook?.();
      },
    );
    this.#watches.add(watch);
    this.#hook();
    watch.held(this.#held[0]);
  }

  /** Holds the program before its first call, until somebody lets it go on. */
  pause(): void {
    this.#hook();
    this.gate.paused = true;
    this.#regate();
  }

  /** Lets everything go on. */
  resume(): void {
    this.gate.paused = false;
    this.#regate();
    this.#held.length = 0;
    this.#clock.hold(false);
    this.#served.release(true);
    this.#tellHeld();
  }

  /** A call is held. */
  hold(call: TraceEvent): void {
    this.#held.push(call);
    this.#clock.hold(true);
    if (this.#held.length === 1) this.#tellHeld();
  }

  idle(): void {
    for (const watch of this.#watches) watch.idle();
  }

  /** Somebody read, or reads, what is told. */
  get seen(): boolean {
    return this.#seen || [...this.#watches].some(({ seen }) => seen);
  }

  /** The clock stands still: nothing becomes due. */
  get stands(): boolean {
    return this.#clock.stands;
  }

  /** How long the run may sleep before idle(), milliseconds; undefined: as long as it likes. */
  get soon(): number | undefined {
    for (const watch of this.#watches) if (watch.tells) return SOON;
    return undefined;
  }

  /** The run ends: whoever looks is told the rest. */
  finish(): void {
    for (const watch of this.#watches) watch.finish(this.#meter?.activity ?? []);
  }

  /** Bytes that those who look have not taken. */
  get unsent(): number {
    return [...this.#watches].reduce((sum, watch) => sum + watch.unsent, 0);
  }

  #time(): number {
    return Math.round(this.#clock.now() * 1000) / 1000;
  }

  #answer(ask: Question): Answer {
    switch (ask.command) {
      case 'snapshot':
        return snapshotOf(this.#machine, processViews(this.#machine, this.#served.holders()));
      case 'activity':
        return this.#meter?.activity ?? [];
      case 'window':
        return spaceWindow(this.#machine, ask);
      default:
        this.#act(ask);
        this.#regate();
        return null;
    }
  }

  #act(command: Command): void {
    switch (command.command) {
      case 'pause':
        this.gate.paused = true;
        return;
      case 'step':
        this.gate.paused = true;
        this.#held.shift();
        if (this.#held.length === 0) this.#clock.hold(false);
        this.#served.release(false);
        this.#tellHeld();
        return;
      case 'continue':
        this.resume();
        return;
      case 'break':
        this.gate.stops = stopsOf(command.stops);
        return;
      case 'fail':
        this.gate.failing = { stop: command.stop, errno: errnoOf(command.errno) };
        return;
      default:
        reach(this.#machine, command);
    }
  }

  #tellHeld(): void {
    for (const watch of this.#watches) watch.held(this.#held[0]);
  }
}

/** Breakpoints at most. */
const MAX_STOPS = 100;

function stopsOf(stops: readonly Stop[]): readonly Stop[] {
  if (!Array.isArray(stops) || stops.length > MAX_STOPS) throw new RangeError(`at most ${MAX_STOPS} breakpoints`);
  return stops;
}
