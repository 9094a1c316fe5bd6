/** Reads the lines of a recorded run. */
import { hex } from '../../abi/address.js';
import { isCall, isStep, type StepEvent, TRACE_VERSION, type TraceHeader } from './format.js';

/** A trace that cannot be replayed: why. */
export class TraceError extends Error {}

/** A step, and where it is. */
export interface PlacedStep {
  /** Line of the trace, from 1. */
  readonly line: number;
  readonly event: StepEvent;
}

function parseLine(text: string, line: number): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TraceError(`line ${line} is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null) throw new TraceError(`line ${line} is no object`);
  return value;
}

/** @throws TraceError it is no recorded run */
export function parseHeader(text: string): TraceHeader {
  const header = parseLine(text, 1);
  if ('call' in header)
    throw new TraceError(
      'this is a trace of version 1, as --trace writes it: it lacks what was read from the program’s memory. Record the run with --record FILE; ioasid ui shows this one',
    );
  if (!('trace' in header) || typeof header.trace !== 'number') throw new TraceError('line 1 is not that of a trace');
  if (header.trace !== TRACE_VERSION)
    throw new TraceError(`this is a trace of version ${header.trace}; this ioasid replays version ${TRACE_VERSION}`);
  for (const key of ['machine', 'seed', 'version'])
    if (!(key in header)) throw new TraceError(`line 1 of the trace has no '${key}'`);
  // What is in it was just looked at; the rest has defaults.
  return header as TraceHeader;
}

/**
 * The steps of a recorded run.
 * @param lines without their ends, the header among them; they are read as they are asked for
 * @throws TraceError a line is damaged
 */
export function* parseSteps(lines: Iterable<string>): Iterable<PlacedStep> {
  let line = 0;
  for (const text of lines) {
    if (++line === 1 || text === '') continue;
    const event = parseLine(text, line);
    if (!isEvent(event)) throw new TraceError(`line ${line} is no event: it has no time or no call`);
    if (!isStep(event)) continue;
    if (isCall(event)) checkCall(event, line);
    yield { line, event };
  }
}

function isEvent(value: object): value is StepEvent {
  return 'call' in value && typeof value.call === 'string' && 'time' in value && typeof value.time === 'number';
}

const ARGUMENTS: Readonly<Record<string, number>> = { ioctl: 2, pread64: 3, pwrite64: 3, read: 2, write: 2, mmap: 4 };

function checkCall({ call, raw = [], open, mm }: StepEvent, line: number): void {
  const wanted = ARGUMENTS[call];
  if (wanted === undefined) throw new TraceError(`line ${line}: this ioasid does not replay ${call}`);
  if (raw.length !== wanted || !raw.every((value) => /^0x[0-9a-f]+$/.test(value)))
    throw new TraceError(`line ${line}: ${call} has the arguments ${raw.join(', ')}, not ${wanted} like ${hex(0)}`);
  if (open === undefined || mm === undefined)
    throw new TraceError(`line ${line}: ${call} names no open file, or no memory`);
}
