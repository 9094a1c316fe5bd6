/** The connection to a run: what it tells is kept for pages that come later, up to a limit, and handed to those that are there. */
import type { Socket } from 'node:net';
import { connectTo, WATCH } from '../runner/control.js';
import type { WatchLine, WatchRequest } from '../runner/live/watch.js';

/** Characters of events that are kept for pages that come later. */
const KEPT = 32 << 20;
/** How soon objects are asked for again after something happened, milliseconds. */
const SNAPSHOT_EVERY = 200;

/** A page that listens. */
export interface Listener {
  /** @returns false: it does not keep up, and the line was dropped */
  line(text: string): boolean;
  end(): void;
}

interface Kept {
  readonly text: string;
  readonly events: number;
}

interface Attached {
  readonly listener: Listener;
  /** Events that were dropped since the last line that it took. */
  lost: number;
}

export class RunLink {
  readonly #socket: Socket;
  readonly #listeners = new Map<Listener, Attached>();
  readonly #waiting = new Map<number, (line: WatchLine) => void>();
  readonly #kept: Kept[] = [];
  #keptSize = 0;
  /** Events that are kept no longer. */
  #forgotten = 0;
  #held = '{"held":null}';
  #snapshot = '';
  #stale = true;
  #id = 0;
  #text = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Told when the run ends. */
  onEnd: (() => void) | undefined;

  constructor(directory: string) {
    this.#socket = connectTo(directory);
    this.#socket.once('connect', () => this.#socket.write(`${WATCH}\n`));
    this.#socket.setEncoding('utf8').on('data', (piece: string) => this.#received(piece));
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.once('close', () => this.#ended());
  }

  get ended(): boolean {
    return this.#socket.destroyed;
  }

  /** A page comes: it gets what happened so far. */
  attach(listener: Listener): void {
    this.#listeners.set(listener, { listener, lost: 0 });
    if (this.#forgotten > 0) listener.line(`{"events":[],"lost":${this.#forgotten}}`);
    for (const { text } of this.#kept) listener.line(text);
    if (this.#snapshot !== '') listener.line(this.#snapshot);
    listener.line(this.#held);
    this.#stale = true;
    this.#soon();
    if (this.ended) this.#farewell(listener);
  }

  detach(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Asks the run. @throws Error the run ended */
  ask(request: WatchRequest['ask']): Promise<WatchLine> {
    if (this.ended) return Promise.reject(new Error('the run has ended'));
    const id = ++this.#id;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      const line: WatchRequest = { id, ask: request };
      this.#socket.write(`${JSON.stringify(line)}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #received(piece: string): void {
    this.#text += piece;
    const lines = this.#text.split('\n');
    this.#text = lines.pop() ?? '';
    for (const text of lines) this.#line(text, JSON.parse(text) as WatchLine);
  }

  #line(text: string, line: WatchLine): void {
    if ('events' in line) {
      this.#keep({ text, events: line.events.length + line.lost });
      this.#tell(text, line.events.length + line.lost);
      this.#stale = true;
      this.#soon();
    } else if ('held' in line) {
      this.#held = text;
      this.#tell(text, 0);
      this.#stale = true;
      this.#soon();
    } else if ('id' in line) {
      this.#waiting.get(line.id)?.(line);
      this.#waiting.delete(line.id);
    }
  }

  #keep(kept: Kept): void {
    this.#kept.push(kept);
    this.#keptSize += kept.text.length;
    while (this.#keptSize > KEPT) {
      const oldest = this.#kept.shift();
      if (!oldest) return;
      this.#keptSize -= oldest.text.length;
      this.#forgotten += oldest.events;
    }
  }

  /** Tells all pages. One that does not keep up loses it, and is told so with the next line that it takes. */
  #tell(text: string, events: number): void {
    for (const attached of this.#listeners.values()) {
      const { listener } = attached;
      if (attached.lost > 0 && listener.line(`{"events":[],"lost":${attached.lost}}`)) attached.lost = 0;
      if (attached.lost > 0 || !listener.line(text)) attached.lost += events;
    }
  }

  /** Objects are asked for while a page is there, and no more often than it makes sense. */
  #soon(): void {
    if (this.#timer || this.#listeners.size === 0 || this.ended) return;
    this.#timer = setTimeout(async () => {
      this.#timer = undefined;
      if (!this.#stale || this.ended) return;
      this.#stale = false;
      const line = await this.ask({ command: 'snapshot' });
      if (!('answer' in line)) return;
      this.#snapshot = JSON.stringify({ snapshot: line.answer });
      this.#tell(this.#snapshot, 0);
      if (this.#stale) this.#soon();
    }, SNAPSHOT_EVERY);
  }

  #ended(): void {
    clearTimeout(this.#timer);
    for (const [id, resolve] of this.#waiting) resolve({ id, error: 'the run has ended' });
    this.#waiting.clear();
    for (const listener of this.#listeners.keys()) this.#farewell(listener);
    this.onEnd?.();
  }

  #farewell(listener: Listener): void {
    listener.line('{"ended":"the run has ended; this is what was seen of it"}');
    listener.end();
  }
}
