/** Calls that wait for somebody who looks: some are not served yet, of others only the answer is held back. */
import type { Call } from '../seccomp/call.js';

interface HeldCall {
  readonly call: Call;
  /** The answer; undefined: it is not served yet. */
  readonly answer: number | undefined;
}

export class HeldCalls {
  readonly #calls: HeldCall[] = [];

  hold(call: Call, answer?: number): void {
    this.#calls.push({ call, answer });
  }

  /**
   * Lets calls go on.
   * @param all not only the oldest
   * @returns the calls that are to be served now, and those that were answered
   */
  release(all: boolean): { serve: Call[]; done: Call[] } {
    const serve: Call[] = [];
    const done: Call[] = [];
    for (const { call, answer } of this.#calls.splice(0, all ? this.#calls.length : 1)) {
      // Its caller may have been killed meanwhile.
      if (answer === undefined && call.valid()) serve.push(call);
      else done.push(call);
      if (answer !== undefined) call.answer(answer);
    }
    return { serve, done };
  }
}
