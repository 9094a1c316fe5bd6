/**
 * Steps of the virtual kernel: between two of them nothing happens in a machine. A step is a call on an open file, or one
 * of the things beside the calls that move it: a file that is opened or closed, a memory that ends, a look at registers,
 * the clock. Whoever records a run stands around each step, hands in what the kernel gets to see, and hears what it did.
 */
import type { Memory } from '../memory/memory.js';
import type { Mm } from '../memory/mm.js';
import type { Caller, MappableMemory, OpenFile } from './file/open-file.js';
import type { Credentials } from './fs/permission.js';

/** A call on an open file. */
export interface CallStep {
  /** Name of the system call. */
  readonly call: 'ioctl' | 'pread64' | 'pwrite64' | 'read' | 'write' | 'mmap';
  readonly fd: number;
  /** The other arguments as they came in. */
  readonly raw: readonly bigint[];
}

/** What moves a machine beside the calls on open files. */
export type SideStep =
  | { readonly call: 'opened'; readonly file: string; readonly flags: number; readonly who: Credentials }
  /** One more descriptor, one less; `dropped`: the host gave the file's next record to a reader. */
  | { readonly call: 'shared' | 'released' | 'dropped'; readonly file: OpenFile }
  /** Bytes were put into an attribute behind its back. */
  | { readonly call: 'stored'; readonly file: OpenFile; readonly bytes: Uint8Array }
  /** A process ended, or executed another program. */
  | { readonly call: 'gone'; readonly mm: Mm }
  /** Pollers looked; timers ran. */
  | { readonly call: 'poll' | 'tick' }
  /** Somebody at the machine. */
  | { readonly call: 'unplug' | 'plug' | 'authority'; readonly name: string };

export interface StepRecorder {
  /** @param serve carries the call out, for a caller whose facts are noted */
  during(step: CallStep, caller: Caller, file: OpenFile, serve: (caller: Caller) => number): number;
  beside<T>(step: SideStep, serve: () => T): T;
  /** The memory of a new program image, with what is read from it noted. */
  memory(memory: Memory): Memory;
  /** How many mappings of a file there are at an offset, as the host says, with the answers noted. */
  counting(file: OpenFile, count: (offset: bigint) => number): (offset: bigint) => number;
  /** A program maps memory of a device from now on. */
  mapped(memory: MappableMemory): void;
}
