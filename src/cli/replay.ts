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
/** Longest line, characters: a step has what its devices moved. */
const LONGEST = 1 << 28;

/** A trace on the disk, or in a pipe: it is read once, as its lines are asked for. */
class Trace {
  readonly #fd: number;
  #line = 0;
  /** The last line that was given has no end. */
  cut = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** @throws TraceError a line is too long */
  *lines(): Generator<string, void> {
    const piece = new Uint8Array(PIECE);
    const decoder = new TextDecoder();
    let [parts, length]: [string[], number] = [[], 0];
    for (;;) {
      const size = readSync(this.#fd, piece);
      const [first = '', ...more] = decoder.decode(piece.subarray(0, size), { stream: size > 0 }).split('\n');
      parts.push(first);
      length += first.length;
      for (const next of more) {
        this.#line++;
        yield parts.join('');
        [parts, length] = [[next], next.length];
      }
      if (length > LONGEST)
        throw new TraceError(`line ${this.#line + 1} has more than ${LONGEST >> 20} MiB: this is no recorded run`);
      if (size === 0) break;
    }
    this.cut = length > 0;
    if (this.cut) yield parts.join('');
  }
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
  let trace: Trace | undefined;
  try {
    fd = openSync(file, 'r');
    trace = new Trace(fd);
    const lines = trace.lines();
    const first = lines.next();
    if (first.done) throw new TraceError('it is empty: nothing was recorded');
    const header = parseHeader(first.value);
    const outcome = replay(header, parseSteps(lines), await setup(header, options));
    if (options.json) process.stdout.write(`${JSON.stringify({ equal: !outcome.difference, ...outcome })}\n`);
    else
      process.stdout.write(
        tellOutcome(outcome)
          .map((line) => `${line}\n`)
          .join(''),
      );
    return outcome.difference ? DIFFERS : 0;
  } catch (error) {
    const { message, syscall } = error as NodeJS.ErrnoException;
    const place = error instanceof TraceError || syscall === 'read' ? `${file}: ` : '';
    const end = place && trace?.cut ? '; the file ends in the middle of this line: the recording was cut off' : '';
    process.stderr.write(`ioasid: ${place}${message}${end}\n`);
    return BAD_TRACE;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
