/** What the page's server answers: the files of the page, one stream of what happens, and what the page asks for. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { WatchRequest } from '../runner/live/watch.js';
import { runs } from '../runner/runs.js';
import { HEADERS, refusal, TOKEN_HEADER } from './guard.js';
import { RunLink } from './run-link.js';

export interface AppOptions {
  /** The built page. */
  readonly page: string;
  readonly token: string;
  readonly port: () => number;
  /** Where the runs of the user are. */
  readonly runsDirectory: string;
  /** The only run that is shown; undefined: any of the user's. */
  readonly only: RunLink | undefined;
  /** Its process id. */
  readonly pid: number | undefined;
  /** A trace to show, and its name. */
  readonly trace: { readonly name: string; readonly text: string } | undefined;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};
/** Longest question, bytes: what is longer is not read. */
const MAX_ASK = 1 << 16;
/** Lines that wait for a page that does not read. */
const MAX_LINES = 256;

/** The files of the page by path: there is no other way into the disk. */
function filesOf(
  page: string,
): ReadonlyMap<string, { readonly type: string; readonly bytes: Uint8Array<ArrayBuffer> }> {
  const entries = readdirSync(page, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const type = TYPES[extname(entry.name)] ?? 'application/octet-stream';
      return [path.slice(page.length).replace(/^\/?/, '/'), { type, bytes: new Uint8Array(readFileSync(path)) }];
    }),
  );
}

/** A stream of lines that never holds more than a page will take soon. */
function stream(link: RunLink): Response {
  let detach = (): void => undefined;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        // What happened before the page came is handed over whole: its size is bounded where it is kept.
        let arriving = true;
        const listener = {
          line: (text: string): boolean => {
            if (!arriving && (controller.desiredSize ?? 0) <= 0) return false;
            controller.enqueue(encoder.encode(`${text}\n`));
            return true;
          },
          end: () => controller.close(),
        };
        detach = () => link.detach(listener);
        link.attach(listener);
        arriving = false;
      },
      cancel: () => detach(),
    },
    new CountQueuingStrategy({ highWaterMark: MAX_LINES }),
  );
  return new Response(body, { headers: { 'content-type': 'application/jsonl' } });
}

/** What answers, and what lets go of the runs that it looks at. */
export interface App {
  readonly fetch: Hono['fetch'];
  close(): void;
}

export function makeApp(options: AppOptions): App {
  const files = filesOf(options.page);
  const links = new Map<number, RunLink>();
  const linkOf = (pid: number): RunLink | undefined => {
    if (options.only) return options.only;
    const known = links.get(pid);
    if (known && !known.ended) return known;
    const run = runs(options.runsDirectory).find((each) => each.pid === pid);
    if (!run) return undefined;
    const link = new RunLink(run.directory);
    links.set(pid, link);
    return link;
  };
  const app = new Hono();
  const judged = (context: Context, secret: string | undefined): string | undefined => {
    const header = (name: string): string | undefined => context.req.header(name);
    const asked = {
      ...{ host: header('host'), origin: header('origin'), site: header('sec-fetch-site') },
      token: header(TOKEN_HEADER),
    };
    return refusal(asked, options.port(), secret);
  };
  app.use(async (context, next) => {
    const api = context.req.path.startsWith('/api/');
    const why = judged(context, api ? options.token : undefined);
    if (why) context.res = context.json({ error: why }, 403);
    else await next();
    for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value);
  });
  app.get('/api/runs', (context) => {
    if (options.only) return context.json({ only: true, runs: [], title: commandOf(options.pid ?? 0) });
    const pids = runs(options.runsDirectory).map(({ pid }) => ({ pid, command: commandOf(pid) }));
    return context.json({ only: false, runs: pids, trace: options.trace?.name });
  });
  app.get('/api/trace', (context) => context.text(options.trace?.text ?? ''));
  app.get('/api/stream', (context) => {
    const link = linkOf(Number(context.req.query('run')));
    if (!link) return context.json({ error: 'there is no such run' }, 404);
    return link.full ? context.json({ error: 'too many pages look at this run' }, 503) : stream(link);
  });
  const onError = (context: Context): Response => context.json({ error: 'the question is too long' }, 413);
  app.post('/api/ask', bodyLimit({ maxSize: MAX_ASK, onError }), async (context) => {
    const text = await context.req.text();
    const link = linkOf(Number(context.req.query('run')));
    if (!link) return context.json({ error: 'there is no such run' }, 404);
    try {
      return context.json(await link.ask(JSON.parse(text) as WatchRequest['ask']));
    } catch (error) {
      return context.json({ error: (error as Error).message }, 400);
    }
  });
  app.get('*', (context) => {
    const file = files.get(context.req.path === '/' ? '/index.html' : context.req.path);
    return file ? context.body(file.bytes, 200, { 'content-type': file.type }) : context.text('not found', 404);
  });
  return {
    fetch: app.fetch,
    close: () => {
      for (const link of links.values()) link.close();
    },
  };
}

/** What a run runs: the words after `--` of its command line. */
function commandOf(pid: number): string {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    const dashes = words.indexOf('--');
    return words.slice(dashes < 0 ? 2 : dashes + 1).join(' ');
  } catch {
    return '';
  }
}
