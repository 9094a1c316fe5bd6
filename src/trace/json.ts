/** A trace for programs: JSON Lines, one event a line. 64-bit integers are hexadecimal strings. */
import type { CallRecord } from '../kernel/watchers.js';

/** One line of `--trace FILE`. */
export interface TraceEvent {
  /** Milliseconds since the start of the machine. */
  readonly time: number;
  readonly pid?: number;
  readonly tid?: number;
  /** Name of the system call; `note` for what happened beside the calls. */
  readonly call: string;
  readonly fd?: number;
  readonly file?: string;
  /** Name of the ioctl, if the kind of file has it. */
  readonly ioctl?: string;
  readonly request?: number;
  readonly args?: Readonly<Record<string, number | string>>;
  /** The struct as it was written back. */
  readonly out?: Readonly<Record<string, number | string>>;
  readonly result?: number;
  readonly errno?: string;
  readonly reason?: string;
  readonly subject?: string;
  readonly text?: string;
}

function plain(values: Record<string, number | bigint>): Record<string, number | string> {
  const out: Record<string, number | string> = {};
  for (const name in values) {
    const value = values[name] ?? 0;
    out[name] = typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
  }
  return out;
}

/** What an event is made of: a record, or what was remembered of one. */
export interface ToldCall extends Omit<CallRecord, 'error'> {
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

export function callEvent(time: number, record: ToldCall): TraceEvent {
  const { pid, tid, call, fd, file, name, request, input, output, result, error } = record;
  return {
    ...{ time, pid, tid, call },
    ...(fd !== undefined && { fd }),
    ...(file !== undefined && { file }),
    ...(name !== undefined && { ioctl: name }),
    ...(request !== undefined && { request }),
    ...(input && { args: plain(input) }),
    ...(output && { out: plain(output) }),
    result,
    ...(error && { errno: error.code, reason: error.message }),
  };
}

export function noteEvent(time: number, subject: string, text: string): TraceEvent {
  return { time, call: 'note', subject, text };
}
