/** Features of the controller: Get and Set Features (Base Specification 2.0, 5.15, 5.27). Nothing is saved. */
import type { Command } from '../command.js';
import { CommandError, STATUS } from '../status.js';

export const FEATURE = {
  ...{ POWER: 0x02, TEMPERATURE: 0x04, WRITE_CACHE: 0x06, QUEUES: 0x07, VECTOR: 0x09, ASYNC_EVENTS: 0x0b },
} as const;

interface Feature {
  readonly value: number;
  readonly changeable: boolean;
}

/** By number: arbitration, power, temperature, error recovery, write cache, queues, coalescing, vectors, atomicity, events. */
const DEFAULTS: ReadonlyMap<number, Feature> = new Map([
  [0x01, { value: 0x7, changeable: true }],
  [FEATURE.POWER, { value: 0, changeable: true }],
  [FEATURE.TEMPERATURE, { value: 343, changeable: true }],
  [0x05, { value: 0, changeable: true }],
  [FEATURE.WRITE_CACHE, { value: 1, changeable: true }],
  [FEATURE.QUEUES, { value: 0, changeable: true }],
  [0x08, { value: 0, changeable: true }],
  [FEATURE.VECTOR, { value: 0, changeable: true }],
  [0x0a, { value: 0, changeable: true }],
  [FEATURE.ASYNC_EVENTS, { value: 0, changeable: true }],
]);

const SELECT = { CURRENT: 0, DEFAULT: 1, SAVED: 2, CAPABILITIES: 3 } as const;
const SAVE = 0x8000_0000;
const CHANGEABLE = 4;

export class Features {
  readonly #queues: number;
  readonly #vectors: number;
  /** By number of the feature, and what it is of. */
  readonly #values = new Map<number, number>();

  /** @param queues I/O queues of each kind that there can be; @param vectors interrupt vectors */
  constructor(queues: number, vectors: number) {
    this.#queues = queues;
    this.#vectors = vectors;
  }

  /** How many I/O queues the host may make. */
  get granted(): { submission: number; completion: number } {
    const value = this.value(FEATURE.QUEUES);
    return { submission: (value & 0xffff) + 1, completion: (value >>> 16) + 1 };
  }

  /** All as after power-on. */
  reset(): void {
    this.#values.clear();
  }

  /** The value in force. */
  value(id: number, of = 0): number {
    return this.#values.get(id | (of << 8)) ?? this.#default(id, of);
  }

  /** Get Features. Returns dword 0. @throws CommandError */
  get(command: Command): number {
    const id = command.dword(10) & 0xff;
    const feature = this.#known(id);
    const of = this.#of(id, command.dword(11));
    switch ((command.dword(10) >>> 8) & 7) {
      case SELECT.CURRENT:
        return this.value(id, of);
      case SELECT.DEFAULT:
      case SELECT.SAVED:
        return this.#default(id, of);
      case SELECT.CAPABILITIES:
        return feature.changeable ? CHANGEABLE : 0;
      default:
        throw new CommandError(STATUS.INVALID_FIELD, 'a reserved selection');
    }
  }

  /** Set Features. @param hasQueues I/O queues exist: their number is settled. Returns dword 0. @throws CommandError */
  set(command: Command, hasQueues: boolean): number {
    const id = command.dword(10) & 0xff;
    const value = command.dword(11);
    const feature = this.#known(id);
    if (command.dword(10) & SAVE) throw new CommandError(STATUS.FEATURE_NOT_SAVEABLE, `feature ${id} is not saved`);
    if (!feature.changeable) throw new CommandError(STATUS.FEATURE_NOT_CHANGEABLE, `feature ${id} cannot be changed`);
    if (id === FEATURE.QUEUES) return this.#grant(value, hasQueues);
    // One power state.
    if (id === FEATURE.POWER && (value & 0x1f) !== 0)
      throw new CommandError(STATUS.INVALID_FIELD, 'there is power state 0 only');
    this.#values.set(id | (this.#of(id, value) << 8), value);
    return 0;
  }

  /** How many I/O queues of each kind the host may make: what it asks for, or what there is. */
  #grant(asked: number, hasQueues: boolean): number {
    const [submission, completion] = [asked & 0xffff, asked >>> 16];
    if (submission === 0xffff || completion === 0xffff)
      throw new CommandError(STATUS.INVALID_FIELD, '65536 queues are not possible');
    if (hasQueues) throw new CommandError(STATUS.COMMAND_SEQUENCE_ERROR, 'I/O queues exist already');
    const granted = (Math.min(submission, this.#queues - 1) | (Math.min(completion, this.#queues - 1) << 16)) >>> 0;
    this.#values.set(FEATURE.QUEUES, granted);
    return granted;
  }

  /** What the value is of, where a feature has several: an interrupt vector, or one of the two temperature thresholds. */
  #of(id: number, dword: number): number {
    if (id === FEATURE.VECTOR) {
      const vector = dword & 0xffff;
      if (vector >= this.#vectors) throw new CommandError(STATUS.INVALID_FIELD, `vector ${vector} of ${this.#vectors}`);
      return vector;
    }
    if (id !== FEATURE.TEMPERATURE) return 0;
    const [sensor, type] = [(dword >>> 16) & 0xf, (dword >>> 20) & 3];
    const [COMPOSITE, ALL, UNDER] = [0, 0xf, 1];
    if ((sensor !== COMPOSITE && sensor !== ALL) || type > UNDER)
      throw new CommandError(STATUS.INVALID_FIELD, `there is no threshold ${type} of a sensor ${sensor}`);
    return type;
  }

  #default(id: number, of: number): number {
    if (id === FEATURE.VECTOR) return of;
    // Nothing is too cold.
    if (id === FEATURE.TEMPERATURE && of > 0) return 0;
    if (id === FEATURE.QUEUES) return ((this.#queues - 1) | ((this.#queues - 1) << 16)) >>> 0;
    return DEFAULTS.get(id)?.value ?? 0;
  }

  #known(id: number): Feature {
    const feature = DEFAULTS.get(id);
    if (!feature) throw new CommandError(STATUS.INVALID_FIELD, `feature 0x${id.toString(16)} does not exist`);
    return feature;
  }
}
