/** `ioasid replay`: a recorded run on a fresh virtual machine, up to the first answer that differs. */
import { closeSync, openSync, readSync } from 'node:fs';
import { parseMachine } from '../machine/file/parse.js';
import type { MachineDescription } from '../machine/file/schema.js';
import { parseSetting } from '../machine/file/settings.js';
import { parseEviction } from '../memory/cpu-caches.js';
import { type PlayedMachine, replay } from '../replay/replay.js';
import { tellOutcome } from '../replay/tell.js';
import type { TraceHeader } from '../replay/trace/format.js';
import { parseHeader, parseSteps, TraceError } from '../replay/trace/parse.js';
import { readMachine } from '../runner/machine-file.js';
import { loadPolicy } from '../runner/policy-file.js';

export interface ReplayOptions {
  /** Another machine than the recorded one. */
  readonly machine?: string;
  readonly set?: readonly string[];
  readonly authority?: string;
  readonly json?: boolean;
}

const DIFFERS = 1;
const BAD_TRACE = 2;
/** Bytes that are read at once. */
const PIECE = 1 << 20;

/** The lines of a file, as they are asked for. */
function* linesOf(fd: number): Iterable<string> {
  const piece = new Uint8Array(PIECE);
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const size = readSync(fd, piece);
    const lines = (rest + decoder.decode(piece.subarray(0, size), { stream: size > 0 })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (size === 0) break;
  }
  if (rest !== '') yield rest;
}

function machineOf({ machine }: TraceHeader, { machine: other, set = [] }: ReplayOptions): MachineDescription {
  if (other !== undefined) return readMachine(other, set);
  return parseMachine(machine.text, `${machine.name} of the trace`, [...machine.set, ...set].map(parseSetting));
}

async function setup(header: TraceHeader, options: ReplayOptions): Promise<PlayedMachine> {
  const { eviction, coherency, selftest, inject } = header;
  const authority = options.authority ?? header.authority;
  const wrong = (text: string): never => {
    throw new RangeError(text);
  };
  return {
    machine: machineOf(header, options),
    ...(authority !== undefined && { authority: await loadPolicy(authority, wrong) }),
    ...(eviction !== undefined && { eviction: parseEviction(eviction) }),
    ...{ coherency, selftest, inject },
  };
}

/** Returns the exit status: 1 if an answer differs, 2 for what cannot be replayed. */
export async function replayTrace(file: string, options: ReplayOptions): Promise<number> {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const [first = ''] = linesOf(fd);
    const header = parseHeader(first);
    closeSync(fd);
    fd = openSync(file, 'r');
    const outcome = replay(header, parseSteps(linesOf(fd)), await setup(header, options));
    if (options.json) process.stdout.write(`${JSON.stringify({ equal: !outcome.difference, ...outcome })}\n`);
    else
      process.stdout.write(
        tellOutcome(outcome)
          .map((line) => `${line}\n`)
          .join(''),
      );
    return outcome.difference ? DIFFERS : 0;
  } catch (error) {
    const place = error instanceof TraceError ? `${file}: ` : '';
    process.stderr.write(`ioasid: ${place}${(error as Error).message}\n`);
    return BAD_TRACE;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
