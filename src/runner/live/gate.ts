/**
 * The gate that calls go through while somebody looks: a call can be held before it is carried out, or after it with its
 * answer not yet given, and the next one that matches can be made to fail.
 */
import { Errno, type ErrnoName } from '../../abi/errno.js';
import type { Stop } from '../../inspect/source.js';
import { matches } from '../../inspect/stop.js';
import type { EnteredCall } from '../../kernel/watchers.js';
import type { TraceEvent } from '../../trace/json.js';

/** Thrown before a call is carried out: it has had no effect, and can be served again from its beginning. */
export class Held extends Error {
  readonly call: TraceEvent;

  constructor(call: TraceEvent) {
    super(`${call.ioctl ?? call.call} is held`);
    this.call = call;
  }
}

export class Gate {
  /** Every call is held. */
  paused = false;
  stops: readonly Stop[] = [];
  /** The next call that matches fails. */
  failing: { readonly stop: Stop; readonly errno: ErrnoName } | undefined;
  /** A call is being served, and nothing of it was carried out yet. */
  #fresh = false;
  #passes = false;
  #answer: TraceEvent | undefined;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Something is to be held or failed; else no call needs to be asked about. */
  get armed(): boolean {
    return this.paused || this.stops.length > 0 || this.failing !== undefined;
  }

  /** A call is about to be served. @param passes it was held already: it goes through */
  begin(passes: boolean): void {
    this.#fresh = true;
    this.#passes = passes;
    this.#answer = undefined;
  }

  /** The call was served. Returns it if its answer is to be held. */
  end(): TraceEvent | undefined {
    this.#fresh = false;
    const answer = this.#answer;
    this.#answer = undefined;
    return answer;
  }

  /** Something is about to be carried out. @throws Held; Errno the failure that was asked for */
  enter({ call, name, file, offset }: EnteredCall): void {
    const event: TraceEvent = {
      time: this.#now(),
      ...{ call, file },
      ...(name !== undefined && { ioctl: name }),
      ...(offset !== undefined && { args: { offset: `0x${offset.toString(16)}` } }),
    };
    // Only at its beginning: a call that has done a part of its work must not do it twice.
    if (this.#fresh && !this.#passes && (this.paused || this.#stopsBefore(event))) throw new Held(event);
    this.#fresh = false;
    const { failing } = this;
    if (!failing || !matches(failing.stop, event)) return;
    this.failing = undefined;
    throw new Errno(failing.errno, 'failed by hand, as was asked');
  }

  /** A call was carried out; its answer is not given yet. */
  served(event: TraceEvent): void {
    if (event.errno !== undefined && this.stops.some((stop) => stop.errno !== undefined && matches(stop, event)))
      this.#answer = event;
  }

  #stopsBefore(event: TraceEvent): boolean {
    return this.stops.some((stop) => stop.errno === undefined && matches(stop, event));
  }
}
