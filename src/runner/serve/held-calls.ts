/** Calls that wait for somebody who looks: some are not served yet, of others only the answer is held back. */
import type { Notification } from '../seccomp/notification.js';

interface HeldCall {
  readonly notification: Notification;
  /** The answer; undefined: it is not served yet. */
  readonly answer: number | undefined;
}

export class HeldCalls {
  readonly #calls: HeldCall[] = [];

  hold(notification: Notification, answer?: number): void {
    this.#calls.push({ notification, answer });
  }

  /**
   * Lets calls go on.
   * @param all not only the oldest
   * @returns the calls that are to be served now, and those that were answered
   */
  release(all: boolean): { serve: Notification[]; done: Notification[] } {
    const serve: Notification[] = [];
    const done: Notification[] = [];
    for (const { notification, answer } of this.#calls.splice(0, all ? this.#calls.length : 1)) {
      // Its caller may have been killed meanwhile.
      if (answer === undefined && notification.valid()) serve.push(notification);
      else done.push(notification);
      if (answer !== undefined) notification.answer(answer);
    }
    return { serve, done };
  }
}
