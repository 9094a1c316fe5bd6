/**
 * Who is told of what a kernel does: the trace, the sanitizer, the injector of failures, those who look at a run. Each
 * comes and goes without knowing of the others. Without watchers nothing is recorded, and nothing is paid.
 */
import type { Errno } from '../abi/errno.js';
import type { Fields } from './file/ioctl-detail.js';

/** One served system call, as the trace sees it. */
export interface CallRecord {
  /** Name of the ioctl. */
  readonly name?: string | undefined;
  /** The argument as it came in: fields of the struct, or `{value}`. */
  readonly input?: Fields | undefined;
  /** The struct as it was written back. */
  readonly output?: Fields | undefined;
  readonly pid: number;
  readonly tid: number;
  readonly call: string;
  fd?: number | undefined;
  /** Name of the open file, or the path. */
  file?: string | undefined;
  /** The device that it is an open file of, however that was opened. */
  device?: string | undefined;
  /** Which open file: a number that no other has. */
  open?: number | undefined;
  request?: number | undefined;
  result: number;
  error?: Errno | undefined;
}

/** A call that is about to be carried out. */
export interface EnteredCall {
  /** Who makes it, where it is known already. */
  readonly pid?: number;
  readonly tid?: number;
  /** Name of the system call. */
  readonly call: string;
  /** Name of the ioctl. */
  readonly name?: string | undefined;
  /** Name of the open file, or the path. */
  readonly file: string;
  /** Where in the file, bytes, if the call says so. */
  readonly offset?: bigint;
}

/** What a watcher wants to be told. */
export interface Watcher {
  /**
   * Asked before a call on a virtual file is carried out, the latest watcher first. It may throw: the call fails with it
   * and had no effect, and the watchers that came earlier are not asked.
   */
  entered?(call: EnteredCall): void;
  /** Told of each call after it was served. */
  called?(record: CallRecord): void;
  /** Told of what happened beside the calls: rights that come and go, devices that are unplugged. */
  noted?(subject: string, text: string): void;
}

export class Watchers {
  #all: readonly Watcher[] = [];
  #enters = false;
  #calls = false;
  #notes = false;

  /** Returns what takes it off the list again; a second time it does nothing. */
  add(watcher: Watcher): () => void {
    this.#set([...this.#all, watcher]);
    return () => this.#set(this.#all.filter((each) => each !== watcher));
  }

  /** Somebody is asked before a call. */
  get enters(): boolean {
    return this.#enters;
  }

  /** Somebody is told of calls. */
  get calls(): boolean {
    return this.#calls;
  }

  /** Somebody is told of what is no call. */
  get notes(): boolean {
    return this.#notes;
  }

  entered(call: EnteredCall): void {
    const all = this.#all;
    for (let i = all.length - 1; i >= 0; i--) all[i]?.entered?.(call);
  }

  called(record: CallRecord): void {
    for (const watcher of this.#all) watcher.called?.(record);
  }

  noted(subject: string, text: string): void {
    for (const watcher of this.#all) watcher.noted?.(subject, text);
  }

  #set(all: readonly Watcher[]): void {
    this.#all = all;
    this.#enters = all.some(({ entered }) => entered !== undefined);
    this.#calls = all.some(({ called }) => called !== undefined);
    this.#notes = all.some(({ noted }) => noted !== undefined);
  }
}
