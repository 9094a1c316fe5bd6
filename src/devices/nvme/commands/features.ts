/** Features of the controller: Get and Set Features (Base Specification 2.0, 5.15, 5.27). Nothing is saved. */
import type { Command } from '../command.js';
import { CommandError, STATUS } from '../status.js';

export const FEATURE = { WRITE_CACHE: 0x06, QUEUES: 0x07, ASYNC_EVENTS: 0x0b } as const;

interface Feature {
  readonly value: number;
  readonly changeable: boolean;
}

/** By number: arbitration, power, temperature, error recovery, write cache, queues, coalescing, vectors, atomicity, events. */
const DEFAULTS: ReadonlyMap<number, Feature> = new Map([
  [0x01, { value: 0x7, changeable: true }],
  [0x02, { value: 0, changeable: true }],
  [0x04, { value: 343, changeable: true }],
  [0x05, { value: 0, changeable: true }],
  [FEATURE.WRITE_CACHE, { value: 1, changeable: true }],
  [FEATURE.QUEUES, { value: 0, changeable: true }],
  [0x08, { value: 0, changeable: true }],
  [0x09, { value: 0, changeable: true }],
  [0x0a, { value: 0, changeable: true }],
  [FEATURE.ASYNC_EVENTS, { value: 0, changeable: true }],
]);

const SELECT = { CURRENT: 0, DEFAULT: 1, SAVED: 2, CAPABILITIES: 3 } as const;
const SAVE = 0x8000_0000;
const CHANGEABLE = 4;

export class Features {
  readonly #queues: number;
  readonly #values = new Map<number, number>();

  /** @param queues I/O queues of each kind that there can be */
  constructor(queues: number) {
    this.#queues = queues;
  }

  /** All as after power-on. */
  reset(): void {
    this.#values.clear();
  }

  /** The value in force. */
  value(id: number): number {
    return this.#values.get(id) ?? this.#default(id);
  }

  /** Get Features. Returns dword 0. @throws CommandError */
  get(command: Command): number {
    const id = command.dword(10) & 0xff;
    const feature = this.#known(id);
    switch ((command.dword(10) >>> 8) & 7) {
      case SELECT.CURRENT:
        return this.value(id);
      case SELECT.DEFAULT:
      case SELECT.SAVED:
        return this.#default(id);
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
    if (id === 0x02 && (value & 0x1f) !== 0)
      throw new CommandError(STATUS.INVALID_FIELD, 'there is power state 0 only');
    this.#values.set(id, value);
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

  #default(id: number): number {
    if (id === FEATURE.QUEUES) return ((this.#queues - 1) | ((this.#queues - 1) << 16)) >>> 0;
    return DEFAULTS.get(id)?.value ?? 0;
  }

  #known(id: number): Feature {
    const feature = DEFAULTS.get(id);
    if (!feature) throw new CommandError(STATUS.INVALID_FIELD, `feature 0x${id.toString(16)} does not exist`);
    return feature;
  }
}
