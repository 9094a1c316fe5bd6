/** Reads the lines of a recorded run. */
import { hex } from '../../abi/address.js';
import { isCall, isStep, type StepEvent, TRACE_VERSION, type TraceHeader } from './format.js';
import { headerSchema, sentence, stepSchema } from './schema.js';

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
  const { data, error } = headerSchema.safeParse(header);
  if (error) throw new TraceError(`line 1: ${sentence(error)}`);
  return data;
}

/**
 * The steps of a recorded run.
 * @param lines without their ends, those after the header; they are read as they are asked for
 * @throws TraceError a line is damaged
 */
export function* parseSteps(lines: Iterable<string>): Iterable<PlacedStep> {
  let line = 1;
  for (const text of lines) {
    line++;
    if (text === '') continue;
    const event = parseLine(text, line);
    if (!isEvent(event)) {
      const { error } = stepSchema.safeParse(event);
      throw new TraceError(`line ${line}: ${error && sentence(error)}`);
    }
    if (!isStep(event)) continue;
    if (isCall(event)) checkCall(event, line);
    yield { line, event };
  }
}

function isEvent(value: object): value is StepEvent {
  return stepSchema.safeParse(value).success;
}

const ARGUMENTS: Readonly<Record<string, number>> = { ioctl: 2, pread64: 3, pwrite64: 3, read: 2, write: 2, mmap: 4 };

function checkCall({ call, raw = [], open, mm }: StepEvent, line: number): void {
  const wanted = ARGUMENTS[call];
  if (wanted === undefined) throw new TraceError(`line ${line}: this ioasid does not replay ${call}`);
  if (raw.length !== wanted)
    throw new TraceError(`line ${line}: ${call} has the arguments ${raw.join(', ')}, not ${wanted} like ${hex(0)}`);
  if (open === undefined || mm === undefined)
    throw new TraceError(`line ${line}: ${call} names no open file, or no memory`);
}
