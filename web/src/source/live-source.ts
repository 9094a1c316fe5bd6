/** A live run as a source: one stream of lines from the page's server, and questions to it. */
import type { Activity, Command, Sink, Snapshot, SpaceWindow, WindowQuery } from '../../../src/inspect/source.js';
import type { TraceEvent } from '../../../src/trace/json.js';
import type { Source } from './source.js';

/** A line of the stream. */
type Line =
  | { readonly events: readonly TraceEvent[]; readonly lost: number }
  | { readonly held: TraceEvent | null }
  | { readonly snapshot: Snapshot }
  | { readonly activity: Activity }
  | { readonly ended: string };

/** A run of the user. */
export interface RunName {
  readonly pid: number;
  readonly command: string;
}

/** What the server has. */
export interface Served {
  /** It serves one run. */
  readonly only: boolean;
  readonly runs: readonly RunName[];
  /** The program of the one run. */
  readonly title?: string;
  /** Name of the trace that it was started with. */
  readonly trace?: string;
}

const TOKEN_HEADER = 'x-ioasid-token';
const KEPT_TOKEN = 'ioasid-token';

let token: string | undefined;

/** Takes the token out of the URL, where it must not stay. Returns false if no server of ours served the page. */
export function takeToken(): boolean {
  const given = /^#token=([\w-]+)$/.exec(location.hash)?.[1];
  if (given) {
    sessionStorage.setItem(KEPT_TOKEN, given);
    history.replaceState(null, '', '#/machine');
  }
  token = location.protocol === 'http:' ? (given ?? sessionStorage.getItem(KEPT_TOKEN) ?? undefined) : undefined;
  return token !== undefined;
}

async function asked(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: { [TOKEN_HEADER]: token ?? '' } });
  if (response.ok) return response;
  const { error } = (await response.json()) as { error: string };
  throw new Error(error);
}

export async function served(): Promise<Served> {
  return (await asked('/api/runs')).json() as Promise<Served>;
}

export async function servedTrace(): Promise<string> {
  return (await asked('/api/trace')).text();
}

export class LiveSource implements Source {
  readonly title: string;
  readonly kind = 'live';
  readonly #run: number;
  readonly #sink: Sink;
  readonly #abort = new AbortController();

  /** @param run undefined: the run that the server belongs to */
  constructor(run: RunName | undefined, sink: Sink, title = 'live run') {
    this.title = run ? `${run.command} (${run.pid})` : title;
    this.#run = run?.pid ?? 0;
    this.#sink = sink;
    this.#read().catch((error: Error) => {
      if (!this.#abort.signal.aborted) sink.ended(error.message);
    });
  }

  stop(): void {
    this.#abort.abort();
  }

  async window(query: WindowQuery): Promise<SpaceWindow> {
    return (await this.#ask({ command: 'window', ...query })) as SpaceWindow;
  }

  async command(command: Command): Promise<void> {
    await this.#ask(command);
  }

  async #ask(question: object): Promise<unknown> {
    const body = JSON.stringify(question);
    const response = await asked(`/api/ask?run=${this.#run}`, { method: 'POST', body });
    const line = (await response.json()) as { error: string } | { answer: unknown };
    if ('error' in line) throw new Error(line.error);
    return line.answer;
  }

  async #read(): Promise<void> {
    const { body } = await asked(`/api/stream?run=${this.#run}`, { signal: this.#abort.signal });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (let got = await reader?.read(); got && !got.done; got = await reader?.read()) {
      text += got.value;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#line(JSON.parse(line) as Line);
    }
    this.#sink.ended('the run has ended; this is what was seen of it');
  }

  #line(line: Line): void {
    if ('events' in line) this.#sink.events(line.events, line.lost);
    else if ('held' in line) this.#sink.held(line.held ?? undefined);
    else if ('snapshot' in line) this.#sink.snapshot(line.snapshot);
    else if ('activity' in line) this.#sink.activity(line.activity);
    else this.#sink.ended(line.ended);
  }
}
