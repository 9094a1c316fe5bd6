/** A system call of a followed thread, at its entry: served as one that the filter hands over. */
import { Errno } from '../../abi/errno.js';
import { type Call, ERESTARTSYS } from '../seccomp/call.js';
import type { Tracee } from './tracee.js';

export class TracedCall implements Call {
  readonly tid: number;
  readonly nr: number;
  readonly instruction: number;
  readonly added = 0;
  readonly #tracee: Tracee;
  readonly #arguments: DataView;
  readonly #answered: (result: number | undefined) => void;

  /** @param answered told once: the call's result, or undefined if the host makes the call */
  constructor(tracee: Tracee, answered: (result: number | undefined) => void) {
    this.#tracee = tracee;
    this.#answered = answered;
    this.tid = tracee.tid;
    this.nr = tracee.nr;
    this.instruction = Number(tracee.instruction);
    this.#arguments = new DataView(new ArrayBuffer(6 * 8));
    for (let i = 0; i < 6; i++) this.#arguments.setBigUint64(i * 8, tracee.argument(i), true);
  }

  argument(index: number): bigint {
    return this.#arguments.getBigUint64(index * 8, true);
  }
  int(index: number): number {
    return this.#arguments.getInt32(index * 8, true);
  }
  uint(index: number): number {
    return this.#arguments.getUint32(index * 8, true);
  }
  address(index: number): number {
    return Number(this.argument(index));
  }
  valid(): boolean {
    return this.#tracee.look();
  }
  readonly stillWaits = (): boolean => this.valid();
  proceed(): void {
    this.#answered(undefined);
  }
  answer(result: number): void {
    this.#answered(result);
  }
  restart(): void {
    this.#answered(-ERESTARTSYS);
    // Another thread may take the signal. One that is interrupted starts its call again all the same.
    this.#tracee.interrupt();
  }
  addDescriptor(): number {
    throw new Errno('ENOSYS', 'a call that is followed gets no descriptor');
  }
}
