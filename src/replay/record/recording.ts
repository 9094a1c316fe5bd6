/**
 * Records a run: one line a step of the kernel, with what the kernel got to see in it and what it did (format.ts). The
 * machine's clock stands still within a step, so that one number is its time.
 */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { type Caller, type MappableMemory, OpenFile } from '../../kernel/file/open-file.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import type { CallStep, SideStep, StepRecorder } from '../../kernel/steps.js';
import type { CallRecord } from '../../kernel/watchers.js';
import type { Backing } from '../../memory/backing.js';
import type { Memory } from '../../memory/memory.js';
import type { Mm } from '../../memory/mm.js';
import { callEvent, noteEvent } from '../../trace/json.js';
import type { BarImage } from '../trace/bar-image.js';
import { toBase64 } from '../trace/bytes.js';
import type { Input, StepEvent, TraceHeader } from '../trace/format.js';
import { Written } from '../trace/written.js';
import { RecordedCaller } from './recorded-caller.js';
import { RecordedBacking, RecordedMemory } from './recorded-memory.js';
import type { Tape } from './tape.js';

/** Divides a millisecond: what a line keeps of the time. */
const TICKS = 1000;

export class Recording implements StepRecorder, Tape {
  readonly #clock: () => number;
  readonly #write: (line: string) => void;
  readonly #bars = new Map<MappableMemory, BarImage>();
  /** BARs that programs have mapped. */
  readonly #shared = new Set<BarImage>();
  readonly #backings = new Map<Backing, RecordedBacking>();
  #names = 0;
  #inStep = false;
  #at = 0;
  #inputs: Input[] = [];
  #written = new Written();
  #signals = new Map<string, number>();
  #record: CallRecord | undefined;

  /** @param clock milliseconds; @param write takes a line, without its end */
  constructor(clock: () => number, write: (line: string) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** The clock of the machine that is recorded. */
  readonly now = (): number => (this.#inStep ? this.#at : this.#clock());

  /** A BAR of the machine: it is looked at once a program maps it. @param memory what the device has */
  addBar(memory: MappableMemory, bar: BarImage): void {
    this.#bars.set(memory, bar);
  }

  /** Begins, with a machine that has just booted. */
  start(kernel: VirtualKernel, header: TraceHeader): void {
    this.#write(JSON.stringify(header));
    kernel.recorder = this;
    kernel.watch({
      called: (record) => {
        if (this.#inStep) this.#record = record;
        else this.#write(JSON.stringify(callEvent(this.#time(), record)));
      },
      noted: (subject, text) => this.#write(JSON.stringify(noteEvent(this.now(), subject, text))),
    });
  }

  during(step: CallStep, caller: Caller, file: OpenFile, serve: (caller: Caller) => number): number {
    if (this.#inStep) return serve(caller);
    this.#begin();
    try {
      return serve(new RecordedCaller(caller, this));
    } finally {
      const record = this.#record;
      // Without a record the call was not served: it is held, or will be made again.
      this.#end(
        record && {
          ...callEvent(this.#at, record),
          ...{ open: file.id, mm: keyOf(caller.mm), raw: step.raw.map(hex) },
        },
      );
    }
  }

  beside<T>(step: SideStep, serve: () => T): T {
    if (this.#inStep) return serve();
    this.#begin();
    let line: StepEvent | undefined;
    try {
      const done = serve();
      line = sideEvent(this.#at, step, done);
      return done;
    } catch (error) {
      if (error instanceof Errno) {
        line = { ...sideEvent(this.#at, step, undefined), result: -1, errno: error.code, reason: error.message };
      }
      throw error;
    } finally {
      this.#end(line);
    }
  }

  memory(memory: Memory): Memory {
    return new RecordedMemory(this, memory);
  }

  counting(file: OpenFile, count: (offset: bigint) => number): (offset: bigint) => number {
    return (offset) => {
      const mappings = count(offset);
      this.input(['mappings', file.id, hex(offset), mappings]);
      return mappings;
    };
  }

  mapped(memory: MappableMemory): void {
    const bar = this.#bars.get(memory);
    if (bar) this.#shared.add(bar);
  }

  input(input: Input): void {
    if (this.#inStep) this.#inputs.push(input);
  }

  wrote(target: string, address: bigint, bytes: Uint8Array): void {
    if (this.#inStep) this.#written.add(target, address, bytes);
  }

  signalled(eventfd: string): void {
    if (this.#inStep) this.#signals.set(eventfd, (this.#signals.get(eventfd) ?? 0) + 1);
  }

  newName(kind: string): string {
    return `${kind}${++this.#names}`;
  }

  backing(inner: Backing): RecordedBacking {
    if (inner instanceof RecordedBacking) return inner;
    const known = this.#backings.get(inner) ?? new RecordedBacking(this, inner);
    this.#backings.set(inner, known);
    return known;
  }

  #time(): number {
    return Math.ceil(this.#clock() * TICKS) / TICKS;
  }

  #begin(): void {
    this.#at = this.#time();
    this.#inStep = true;
    for (const bar of this.#shared)
      bar.takeIn((offset, bytes) => this.#inputs.push(['bar', bar.key, offset, toBase64(bytes)]));
  }

  /** @param line what the step was; undefined: it did not happen */
  #end(line: StepEvent | undefined): void {
    for (const bar of this.#shared) bar.stored((offset, bytes) => this.#written.add(bar.key, BigInt(offset), bytes));
    const wrote = this.#written.all();
    const dead = [...this.#backings.values()].filter(({ alive }) => !alive).map(({ key }) => key);
    for (const [inner, { alive }] of this.#backings) if (!alive) this.#backings.delete(inner);
    const more: Partial<StepEvent> = {
      ...(this.#inputs.length > 0 && { in: this.#inputs }),
      ...(wrote.length > 0 && { wrote }),
      ...(this.#signals.size > 0 && { signals: [...this.#signals] }),
      ...(dead.length > 0 && { dead }),
    };
    this.#inStep = false;
    this.#record = undefined;
    this.#inputs = [];
    this.#written = new Written();
    this.#signals = new Map();
    // A look that found nothing changed nothing.
    if (!line || (line.call === 'poll' && line.result === 0 && Object.keys(more).length === 0)) return;
    this.#write(JSON.stringify({ ...line, ...more }));
  }
}

const keyOf = ({ memory }: Mm): string => (memory instanceof RecordedMemory ? memory.key : '');

/** A side step as a line. @param done what it returned */
function sideEvent(time: number, step: SideStep, done: unknown): StepEvent {
  const { call } = step;
  switch (call) {
    case 'opened': {
      const { uid, gids, capabilities } = step.who;
      const who = { uid, gids, capabilities: hex(capabilities) };
      const open = done instanceof OpenFile && { open: done.id };
      return { time, call, file: step.file, flags: step.flags, who, ...open };
    }
    case 'shared':
    case 'released':
    case 'dropped':
      return { time, call, open: step.file.id };
    case 'stored':
      return { time, call, open: step.file.id, bytes: toBase64(step.bytes) };
    case 'gone':
      return { time, call, mm: keyOf(step.mm) };
    case 'poll':
      return { time, call, result: done === true ? 1 : 0 };
    case 'tick':
      return { time, call };
    default:
      return { time, call, name: step.name };
  }
}
