/** `exec --record FILE`: the file of a recorded run. */
import { randomInt } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { type BootOptions, repeatable } from '../../boot.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import { Recording } from '../../replay/record/recording.js';
import { TRACE_VERSION, type TraceHeader } from '../../replay/trace/format.js';
import { say, writeAll } from '../host/output.js';
import { RecordedBarMemory } from './recorded-bar.js';

/** Characters that are held back at most. */
const BUFFER = 1 << 18;
/** Largest recording, characters. */
const LARGEST = 2 ** 30;

/** How the run is set up, for the first line. */
export type RunSettings = Omit<TraceHeader, 'trace' | 'seed'>;

export class RunFile {
  readonly #fd: number;
  readonly #recording: Recording;
  readonly #seed = randomInt(1, 2 ** 32);
  #pending = '';
  #size = 0;
  #open = true;

  /** @param clock of the run, milliseconds. @throws the system's error if the file cannot be opened */
  constructor(file: string, clock: () => number) {
    this.#fd = openSync(file, 'w');
    this.#recording = new Recording(clock, (line) => this.#add(line));
  }

  /** What the machine boots with, so that all that it is handed is known. */
  get parts(): Pick<BootOptions, 'now' | 'random' | 'makeMemory' | 'openStore'> {
    const recording = this.#recording;
    return {
      now: recording.now,
      random: repeatable(this.#seed),
      makeMemory: (device, bar, size) => {
        const memory = new RecordedBarMemory(device, bar, size);
        recording.addBar(memory, memory.image);
        return memory;
      },
      openStore: (file) => {
        throw new Error(
          `--record: a disk of the machine is the file ${file}, which a trace cannot hold; give it memory`,
        );
      },
    };
  }

  /** The machine has booted: from now on all that it does is recorded. */
  start(kernel: VirtualKernel, settings: RunSettings): void {
    this.#recording.start(kernel, { trace: TRACE_VERSION, ...settings, seed: this.#seed });
  }

  flush(): void {
    if (!this.#open || this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    try {
      writeAll(this.#fd, text);
    } catch (error) {
      this.#end((error as Error).message);
    }
  }

  close(): void {
    this.flush();
    closeSync(this.#fd);
  }

  #add(line: string): void {
    if (!this.#open) return;
    this.#size += line.length + 1;
    if (this.#size > LARGEST) {
      this.flush();
      this.#end(`it has ${LARGEST / 2 ** 20} MiB, and more is not recorded; what it has can be replayed`);
      return;
    }
    this.#pending += `${line}\n`;
    if (this.#pending.length > BUFFER) this.flush();
  }

  /** The program runs on without being recorded. */
  #end(why: string): void {
    this.#open = false;
    say(`the recording ends here: ${why}`);
  }
}
