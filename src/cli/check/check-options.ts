/** What the options of `ioasid check` mean: the bounds, by name or one by one, and how their states are gone through. */
import { availableParallelism } from 'node:os';
import { type CheckOptions, DEFAULT_OPTIONS, MAX_DEVICES, type Means } from '../../check/check.js';
import { isPreset, PRESETS } from '../../check/presets.js';

export interface CheckCommand {
  readonly policy?: readonly string[];
  /** Files of policies. */
  readonly authority?: readonly string[];
  /** Name of a preset. */
  readonly bound?: string;
  readonly processes?: string;
  readonly files?: string;
  readonly descriptors?: string;
  readonly devices?: string;
  readonly vms?: string;
  readonly ticks?: string;
  readonly flushOneCpu?: boolean;
  readonly noFlushOnMap?: boolean;
  readonly noSymmetry?: boolean;
  /** GiB. */
  readonly memory?: string;
  /** MiB, or true for DEFAULT_FIELD. */
  readonly bitState?: string | true;
  readonly json?: boolean;
  readonly emitScenario?: string;
  readonly verbose?: boolean;
}

const LIMITS = { processes: 3, files: 3, descriptors: 3, devices: MAX_DEVICES, vms: 3, ticks: 5 } as const;
const MOST_MEMORY = 1024;
const DEFAULT_MEMORY = 8;
const MOST_FIELD = 512;
const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** The bounds. @throws RangeError an option is no number, out of range, or no preset */
export function optionsOf(command: CheckCommand): CheckOptions {
  const { bound = 'default' } = command;
  if (!isPreset(bound)) throw new RangeError(`--bound ${bound}: one of ${Object.keys(PRESETS).join(', ')}`);
  const preset = { ...DEFAULT_OPTIONS, ...PRESETS[bound].options };
  const number = (name: keyof typeof LIMITS): number => {
    const text = command[name];
    if (text === undefined) return preset[name];
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > LIMITS[name]) {
      throw new RangeError(`--${name} ${text}: a number from 1 to ${LIMITS[name]}`);
    }
    return value;
  };
  return {
    processes: number('processes'),
    files: number('files'),
    descriptors: number('descriptors'),
    devices: number('devices'),
    vms: number('vms'),
    ticks: number('ticks'),
    flushAllCpus: !command.flushOneCpu,
    flushOnMap: !command.noFlushOnMap,
  };
}

/**
 * How the states are gone through, and on how many CPUs: the memory is for all of them together.
 * @param policies how many there are to check
 * @throws RangeError an option is no number, or out of range
 */
export function meansOf(command: CheckCommand, policies: number): { means: Means; workers: number } {
  const { memory = DEFAULT_MEMORY, bitState, noSymmetry, bound } = command;
  const gib = Number(memory);
  if (!(gib > 0 && gib <= MOST_MEMORY))
    throw new RangeError(`--memory ${memory}: GiB, more than 0, at most ${MOST_MEMORY}`);
  const field = bitState === true ? MOST_FIELD : Number(bitState);
  if (bitState !== undefined && !(Math.log2(field) % 1 === 0 && field >= 1 && field <= MOST_FIELD))
    throw new RangeError(`--bit-state ${bitState}: MiB, a power of two from 1 to ${MOST_FIELD}`);
  const most = isPreset(bound ?? '') ? PRESETS[bound as keyof typeof PRESETS].bytes : 0;
  const workers = Math.max(
    1,
    Math.min(availableParallelism(), policies, Math.floor((gib * GIB) / Math.max(most, MIB))),
  );
  return {
    means: {
      symmetry: !noSymmetry,
      memory: Math.floor((gib * GIB) / workers),
      ...(bitState !== undefined && { bitState: field }),
    },
    workers,
  };
}
