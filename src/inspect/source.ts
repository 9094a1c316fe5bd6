/**
 * What somebody sees who looks at a machine: its objects, the trace, pieces of its address spaces, and the levers. The
 * same for a live run, for a trace file and for a kernel that runs in the page; plain data, so that it goes over a wire.
 */

import type { TraceEvent } from '../trace/json.js';
import type { Hand } from './hands.js';

/** A fact of an object. 64-bit integers are hexadecimal strings. */
export type Fact = string | number | boolean | null;

export interface Link {
  /** Id of the other object. */
  readonly to: string;
  /** What it is to this one: `attached`, `proof`, … */
  readonly as: string;
}

/** One object of a machine, of any kind: whoever has objects says what they are. */
export interface ObjectView {
  readonly kind: string;
  /** Unique among all objects of the machine. */
  readonly id: string;
  /** What a person calls it. */
  readonly name: string;
  readonly facts: Readonly<Record<string, Fact>>;
  readonly links: readonly Link[];
}

/** All objects at one moment. */
export interface Snapshot {
  /** Milliseconds of the machine's clock. */
  readonly time: number;
  /** Policy in force, flushes so far. */
  readonly facts: Readonly<Record<string, Fact>>;
  readonly objects: readonly ObjectView[];
}

/** Which piece of an address space is looked at. Addresses are hexadecimal strings, `last` is inclusive. */
export interface WindowQuery {
  /** Id of the object that has the address space. */
  readonly space: string;
  readonly first: string;
  readonly last: string;
  /** Pixels: no more columns than this are asked about. */
  readonly columns: number;
}

export interface Range {
  readonly first: string;
  readonly last: string;
}

/** One mapping. */
export interface MappedRun extends Range {
  /** Where it leads: an address in the memory of the process, or in the parent. */
  readonly target: string;
  /** Any of `r`, `w`. */
  readonly access: string;
  /** Whose memory, as far as it is told apart: the same number, the same memory. */
  readonly owner: number;
}

export interface SpaceWindow {
  /** Mappings in the whole space. */
  readonly mappings: number;
  /** Mappings that touch the window; undefined: too many, see `columns`. */
  readonly runs?: readonly MappedRun[];
  /** By column: 0 nothing is mapped, 1 something, 2 all of it. */
  readonly columns?: readonly number[];
  /** What may be mapped; empty without a device. */
  readonly permitted: readonly Range[];
  /** Pages that devices wrote, while it is tracked. */
  readonly dirty: readonly Range[];
  /** Whose requests are translated by it now. */
  readonly reachedBy: readonly Reach[];
}

/** Requests of a device: those with one PASID, or those without. */
export interface Reach {
  /** The function. */
  readonly device: string;
  readonly pasid?: number;
}

/** Where a device was, or was stopped. */
export interface Touch extends Range {
  /** Milliseconds. */
  readonly time: number;
  readonly write: boolean;
  readonly pasid?: number;
  /** Why it went no further. */
  readonly fault?: string;
}

/** What a device did in memory since somebody looks. */
export interface DeviceActivity extends Pick<Reach, 'device'> {
  /** Milliseconds that each number of `read` and `written` stands for; the first begins at 0 of the machine's clock. */
  readonly width: number;
  /** Bytes. */
  readonly read: readonly number[];
  readonly written: readonly number[];
  /** The latest, the oldest of them first. */
  readonly recent: readonly Touch[];
  readonly faults: readonly Touch[];
}

/** Of all devices that did something. */
export type Activity = readonly DeviceActivity[];

/** Something that is asked of a machine. */
export type Command =
  | Hand
  | { readonly command: 'pause' | 'step' | 'continue' }
  | { readonly command: 'break'; readonly stops: readonly Stop[] }
  | { readonly command: 'fail'; readonly stop: Stop; readonly errno: string };

/** Which calls to stop at, or to fail: what is not given matches any. */
export interface Stop {
  /** Name of the system call or of the ioctl. */
  readonly call?: string;
  /** Part of the name of the open file. */
  readonly file?: string;
  /** Stops after the call, before its answer is given. */
  readonly errno?: string;
  /** A write to this offset of a device region, bytes: a doorbell. */
  readonly offset?: number;
}

/** Is told what happens. */
export interface Sink {
  snapshot(snapshot: Snapshot): void;
  activity(activity: Activity): void;
  /** @param lost events that were dropped before these */
  events(events: readonly TraceEvent[], lost: number): void;
  /** The program is held before, or after, this call; undefined: it goes on. */
  held(call: TraceEvent | undefined): void;
  /** Nothing more will come. */
  ended(why: string): void;
}
