/**
 * A trace of version 2: a recorded run. Its first line says which machine ran and how; each further line is an event of a
 * trace (trace/json.ts), and those that are steps of the kernel (kernel/steps.ts) have what the kernel got to see in them
 * and what it did: enough to carry the step out again. 64-bit numbers are hexadecimal text, bytes are base64.
 */
import type { Rule } from '../../inject/rule.js';
import type { TraceEvent } from '../../trace/json.js';

export const TRACE_VERSION = 2;

/** The first line. */
export interface TraceHeader {
  readonly trace: number;
  /** Version of the package that recorded it. */
  readonly version: string;
  /** The machine file, and what --set said of it. */
  readonly machine: { readonly name: string; readonly text: string; readonly set: readonly string[] };
  /** As --authority had it; the machine file's when not given. */
  readonly authority?: string | undefined;
  readonly coherency?: 'strict' | undefined;
  readonly eviction?: string | undefined;
  readonly selftest?: boolean | undefined;
  readonly inject?: readonly Rule[] | undefined;
  /** Of the machine's random bytes. */
  readonly seed: number;
  readonly cpus: number;
  readonly uid: number;
  readonly gid: number;
}

/** Frames: backing object, first frame, frames, shift of its pages; 1 for a device's memory. */
export type Run = readonly [backing: string, frame: number, frames: number, shift: number, device: 0 | 1];

/** A call of the kernel's that its environment refused. */
export interface Refusal {
  readonly errno: string;
  readonly reason: string;
}

/** What the kernel got to see in a step. A target is a memory, by its name in this trace. */
export type Input =
  | readonly ['read', target: string, address: string, size: number, bytes: string]
  /** A write that did not go the whole way. */
  | readonly ['short', target: string, address: string, size: number, done: number]
  | readonly ['unpinnable', target: string, address: string, size: string, write: boolean, at: string | null]
  | readonly ['frames', target: string, address: string, pages: number, write: boolean, runs: readonly Run[] | Refusal]
  | readonly ['limit', target: string, bytes: string | null]
  | readonly ['exceed', target: string, may: boolean]
  /** A program's stores into mapped registers. */
  | readonly ['bar', bar: string, offset: number, bytes: string]
  | readonly ['uid', uid: number]
  | readonly ['capable', capability: number, is: boolean]
  | readonly ['file', fd: number, open: number | null | Refusal]
  | readonly ['install', open: number, flags: number, fd: number | Refusal]
  | readonly ['memory-file' | 'eventfd', fd: number, name: string | Refusal]
  /** How many mappings a file has at an offset. */
  | readonly ['mappings', open: number, offset: string, count: number]
  | readonly ['take', eventfd: string, taken: boolean];

/** Bytes that a step left in a target: base64, or `#` and a sum when they are many. */
export type Wrote = readonly [target: string, address: string, size: number, bytes: string];

/** A line that is a step. */
export interface StepEvent extends TraceEvent {
  /** The open file. */
  readonly open?: number;
  /** The caller's memory, or the one that ended. */
  readonly mm?: string;
  /** The arguments of a call as they came in. */
  readonly raw?: readonly string[];
  /** Of `opened`: flags, and who opens. */
  readonly flags?: number;
  readonly who?: { readonly uid: number; readonly gids: readonly number[]; readonly capabilities: string };
  /** Of `stored`. */
  readonly bytes?: string;
  /** Of `unplug`, `plug` and `authority`. */
  readonly name?: string;
  readonly in?: readonly Input[];
  readonly wrote?: readonly Wrote[];
  /** How often which eventfd was signalled. */
  readonly signals?: readonly (readonly [eventfd: string, times: number])[];
  /** Backing objects that ended with the step. */
  readonly dead?: readonly string[];
}

const SIDE_STEPS: ReadonlySet<string> = new Set([
  ...['opened', 'shared', 'released', 'dropped', 'stored', 'gone', 'poll', 'tick', 'unplug', 'plug', 'authority'],
]);

/** Is an event of a recorded run something that the kernel did, and not only told of? */
export function isStep(event: StepEvent): boolean {
  return event.raw !== undefined || SIDE_STEPS.has(event.call);
}

/** Is it a call on an open file? */
export function isCall(event: StepEvent): boolean {
  return event.raw !== undefined;
}
