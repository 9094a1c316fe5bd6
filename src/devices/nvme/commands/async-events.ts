/**
 * Asynchronous events (Base Specification 2.0, 5.2): requests that the controller holds until something happens. After an
 * event of a kind, no other of the kind is told until its log page was read.
 */

import { CommandError, STATUS, type Status } from '../status.js';
import { MAX_EVENT_REQUESTS } from './identify.js';
import { LOG } from './log-pages.js';

/** Error events: type 0. */
export const ERROR_EVENT = { INVALID_DOORBELL_REGISTER: 0, INVALID_DOORBELL_VALUE: 1 } as const;

export class AsyncEvents {
  readonly #complete: (command: number, status: Status, result: number) => void;
  #requests: number[] = [];
  /** The event that waits for a request. */
  #waiting: number | undefined;
  /** An error event was told, and the error log was not read since. */
  #masked = false;

  /** @param complete completes a request of the admin queue */
  constructor(complete: (command: number, status: Status, result: number) => void) {
    this.#complete = complete;
  }

  /** The controller is reset: requests and events are gone. */
  reset(): void {
    this.#requests = [];
    this.#waiting = undefined;
    this.#masked = false;
  }

  /** Asynchronous Event Request. @throws CommandError too many are outstanding */
  request(command: number): 'held' {
    if (this.#requests.length >= MAX_EVENT_REQUESTS)
      throw new CommandError(STATUS.EVENT_LIMIT_EXCEEDED, `${MAX_EVENT_REQUESTS} requests are outstanding`);
    this.#requests.push(command);
    this.#tell();
    return 'held';
  }

  /** An error happened. @param information one of ERROR_EVENT */
  error(information: number): void {
    if (this.#masked || this.#waiting !== undefined) return;
    this.#waiting = (information << 8) | (LOG.ERRORS << 16);
    this.#tell();
  }

  /** A log page was read: its events may be told again. */
  logRead(page: number): void {
    if (page === LOG.ERRORS) this.#masked = false;
  }

  /** Aborts a request. Returns false if there is none with this name. */
  abort(command: number): boolean {
    if (!this.#requests.includes(command)) return false;
    this.#requests = this.#requests.filter((id) => id !== command);
    this.#complete(command, STATUS.ABORT_REQUESTED, 0);
    return true;
  }

  #tell(): void {
    const request = this.#waiting === undefined ? undefined : this.#requests.shift();
    if (request === undefined || this.#waiting === undefined) return;
    const event = this.#waiting;
    this.#waiting = undefined;
    this.#masked = true;
    this.#complete(request, STATUS.SUCCESS, event);
  }
}
