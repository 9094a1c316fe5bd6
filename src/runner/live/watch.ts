/**
 * Somebody who looks at a run: a connection of the control socket that stays open. Lines of JSON go both ways: the run
 * tells events, and calls that are held; who looks asks for objects and address spaces, and reaches in. A slow reader
 * costs the program nothing: what he does not take is dropped, and he is told how much.
 */
import type { Socket } from 'node:net';
import type { Activity, Command, Snapshot, SpaceWindow, WindowQuery } from '../../inspect/source.js';
import type { TraceEvent } from '../../trace/json.js';
import { Recorder } from './recorder.js';

/** A line to the run. */
export interface WatchRequest {
  readonly id: number;
  readonly ask:
    | Question
    /** Somebody reads the events, or nobody does: they wait then, the latest of them. */
    | { readonly command: 'listen'; readonly on: boolean };
}
/** What the run answers, or does. */
export type Question =
  | Command
  | { readonly command: 'snapshot' | 'activity' }
  | ({ readonly command: 'window' } & WindowQuery);
/** A line from the run. */
export type WatchLine =
  | { readonly events: readonly TraceEvent[]; readonly lost: number }
  | { readonly held: TraceEvent | null }
  | { readonly activity: Activity }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly answer: Answer };
/** What the run answers to a question; null: it did what was asked. */
export type Answer = Snapshot | Activity | SpaceWindow | null;

/** Longest request, characters. */
const MAX_REQUEST = 1 << 16;
/** Bytes that may wait for the reader in this process. */
const HIGH_WATER = 1 << 18;
/** Events that are told in one go: about a millisecond of work while nothing is asked of us, a fifth of that else. */
const QUIET = 400;
const BUSY = 80;
/** While the program is busy: for how long it is told nothing, in times of what the telling took. */
const REST = 50;

export class Watch {
  readonly recorder = new Recorder();
  readonly #socket: Socket;
  readonly #answer: (ask: Question) => Answer;
  #text = '';
  #seen = 0;
  #rests = 0;
  /** Somebody listened, or listens. */
  seen = false;

  /** @param answer carries a request out; throws Error what is wrong with it */
  constructor(socket: Socket, answer: (ask: Question) => Answer, closed: () => void) {
    this.#socket = socket;
    this.#answer = answer;
    socket.on('data', (piece: string) => this.#received(piece));
    socket.once('close', closed);
  }

  held(call: TraceEvent | undefined): void {
    this.#write({ held: call ?? null });
  }

  /** Nothing waits to be served now: tells what happened, a part at a time. */
  idle(): void {
    if (!this.tells) return;
    const { recorder } = this;
    const quiet = recorder.total === this.#seen;
    this.#seen = recorder.total;
    const now = performance.now();
    if ((!quiet && now < this.#rests) || this.#socket.writableLength > HIGH_WATER) return;
    this.#write(recorder.take(quiet ? QUIET : BUSY));
    const after = performance.now();
    this.#rests = after + REST * (after - now);
  }

  /** There are events for somebody who reads them. */
  get tells(): boolean {
    return this.recorder.read && this.recorder.waiting > 0;
  }

  /** The run ends: tells all that it can. @param activity what devices did, to the end */
  finish(activity: Activity): void {
    while (this.tells && this.#socket.writableLength < 64 * HIGH_WATER) {
      this.#write(this.recorder.take(QUIET));
    }
    this.#write({ activity });
    this.#socket.end();
  }

  /** Bytes that the reader has not taken. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  #received(piece: string): void {
    this.#text += piece;
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      this.#write(this.#reply(line));
    }
    if (this.#text.length > MAX_REQUEST) this.#socket.destroy();
  }

  #reply(line: string): WatchLine {
    let id = 0;
    try {
      const request = JSON.parse(line) as WatchRequest;
      const { ask } = request;
      id = request.id;
      if (ask.command !== 'listen') return { id, answer: this.#answer(ask) };
      this.recorder.read = ask.on === true;
      this.seen ||= this.recorder.read;
      return { id, answer: null };
    } catch (error) {
      return { id, error: error instanceof Error ? error.message : String(error) };
    }
  }

  #write(line: WatchLine): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify(line)}\n`);
  }
}
