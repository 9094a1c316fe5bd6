/**
 * Fault injection (Documentation/fault-injection/fault-injection.rst): a task says which of its next allocations is to fail,
 * by writing a number to /proc/self/task/TID/fail-nth.
 */
import { Errno } from '../abi/errno.js';
import { injectFailures } from '../memory/allocation.js';
import { type FileTable, OpenFile } from './file/open-file.js';

/** The counter of one task. */
export class FailNth {
  /** Allocations until one fails; 0: none is to fail, or it has. */
  left = 0;

  /** Counts an allocation. */
  readonly next = (): boolean => {
    if (this.left === 0) return false;
    return --this.left === 0;
  };
}

/** The tasks whose allocations are counted. */
export class FaultInjection {
  readonly #tasks = new Map<number, FailNth>();

  /** Serves a call of a task: its allocations are counted. */
  during<T>(tid: number, serve: () => T): T {
    const task = this.#tasks.get(tid);
    if (!task || task.left === 0) return serve();
    injectFailures(task.next);
    try {
      return serve();
    } finally {
      injectFailures(undefined);
    }
  }

  /** Opens fail-nth of a task. */
  open(tid: number): OpenFile<FailNth> {
    const task = this.#tasks.get(tid) ?? new FailNth();
    this.#tasks.set(tid, task);
    return new OpenFile(task, FAIL_NTH_FILE);
  }
}

/** Longest number that a write takes, bytes. */
const MAX_DIGITS = 12;

const FAIL_NTH_FILE: FileTable<FailNth> = {
  name: () => '/proc/self/task/self/fail-nth',
  pread: (task, _caller, into, offset) => {
    const text = `${task.left}\n`.slice(Number(offset < 64n ? offset : 64n));
    const piece = [...text.slice(0, into.length)].map((digit) => digit.charCodeAt(0));
    into.set(piece);
    return piece.length;
  },
  pwrite: (task, _caller, from) => {
    const text = String.fromCharCode(...from.subarray(0, MAX_DIGITS)).trim();
    if (!/^\d+$/.test(text) || Number(text) > 0x7fffffff)
      throw new Errno('EINVAL', `'${text}' is no number of allocations`);
    task.left = Number(text);
    return from.length;
  },
};
