/** The connection to a run: what it tells is kept for pages that come later, up to a limit, and handed to those that are there. */
import type { Socket } from 'node:net';
import { connectTo, WATCH } from '../runner/control.js';
import type { WatchLine, WatchRequest } from '../runner/live/watch.js';

/** Characters of events that are kept for pages that come later. */
const KEPT = 32 << 20;
/** How soon objects are asked for again after something happened, milliseconds. */
const SNAPSHOT_EVERY = 200;
/** And while no call tells that something did: devices go on by themselves. */
const LOOK_EVERY = 1000;

/** Most pages that look at a run at once. */
const MOST_PAGES = 64;
/** Most questions that wait for the run's answer. */
const MOST_QUESTIONS = 64;

const ENDED = 'the run has ended';

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
  /** What devices did. */
  #activity = '';
  #stale = true;
  /** Questions are under way. */
  #looking = false;
  #id = 0;
  #text = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Told when the run ends. */
  onEnd: (() => void) | undefined;

  constructor(directory: string) {
    this.#socket = connectTo(directory);
    // Waits in the socket until it is connected, before whatever is asked.
    this.#socket.write(`${WATCH}\n`);
    this.#socket.setEncoding('utf8').on('data', (piece: string) => this.#received(piece));
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.once('close', () => this.#ended());
  }

  get ended(): boolean {
    return this.#socket.destroyed;
  }

  /** No more pages are let in. */
  get full(): boolean {
    return this.#listeners.size >= MOST_PAGES;
  }

  /** A page comes: it gets what happened so far. */
  attach(listener: Listener): void {
    this.#listeners.set(listener, { listener, lost: 0 });
    if (this.#listeners.size === 1) this.#listen(true);
    if (this.#forgotten > 0) listener.line(`{"events":[],"lost":${this.#forgotten}}`);
    for (const { text } of this.#kept) listener.line(text);
    if (this.#snapshot !== '') listener.line(this.#snapshot);
    if (this.#activity !== '') listener.line(this.#activity);
    listener.line(this.#held);
    this.#changed();
    if (this.ended) this.#farewell(listener);
  }

  detach(listener: Listener): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0) this.#listen(false);
  }

  /** The run keeps its events, the latest of them, while no page is there: that costs it next to nothing. */
  #listen(on: boolean): void {
    void this.#ask({ command: 'listen', on });
  }

  /** A page asks the run. @throws Error the run ended, or it does not answer */
  async ask(request: WatchRequest['ask']): Promise<WatchLine> {
    if (this.ended) throw new Error(ENDED);
    if (this.#waiting.size >= MOST_QUESTIONS) throw new Error('the run does not answer');
    return this.#ask(request);
  }

  #ask(request: WatchRequest['ask']): Promise<WatchLine> {
    const id = ++this.#id;
    if (this.ended) return Promise.resolve({ id, error: ENDED });
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
      this.#changed();
    } else if ('held' in line) {
      this.#held = text;
      this.#tell(text, 0);
      this.#changed();
    } else if ('activity' in line) {
      this.#active(text);
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

  #active(text: string): void {
    if (text === this.#activity) return;
    this.#activity = text;
    this.#tell(text, 0);
  }

  /** Something happened: a look that was to come late comes soon. */
  #changed(): void {
    if (!this.#stale && !this.#looking) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#stale = true;
    this.#soon();
  }

  /** Objects are asked for while a page is there, and no more often than it makes sense. */
  #soon(): void {
    if (this.#timer || this.#looking || this.#listeners.size === 0 || this.ended) return;
    this.#timer = setTimeout(() => this.#look(), this.#stale ? SNAPSHOT_EVERY : LOOK_EVERY);
  }

  async #look(): Promise<void> {
    const stale = this.#stale;
    this.#stale = false;
    this.#timer = undefined;
    if (this.ended) return;
    this.#looking = true;
    const activity = await this.#ask({ command: 'activity' });
    if ('answer' in activity) this.#active(JSON.stringify({ activity: activity.answer }));
    const snapshot = stale ? await this.#ask({ command: 'snapshot' }) : activity;
    if (stale && 'answer' in snapshot) {
      this.#snapshot = JSON.stringify({ snapshot: snapshot.answer });
      this.#tell(this.#snapshot, 0);
    }
    this.#looking = false;
    this.#soon();
  }

  #ended(): void {
    clearTimeout(this.#timer);
    for (const [id, resolve] of this.#waiting) resolve({ id, error: ENDED });
    this.#waiting.clear();
    for (const listener of this.#listeners.keys()) this.#farewell(listener);
    this.onEnd?.();
  }

  #farewell(listener: Listener): void {
    listener.line('{"ended":"the run has ended; this is what was seen of it"}');
    listener.end();
  }
}
