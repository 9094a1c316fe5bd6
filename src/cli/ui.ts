/** `ioasid ui`: the page of the user's runs, or of a trace file. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runsDirectory } from '../runner/runs.js';
import { RunLink } from '../ui/run-link.js';
import { serve } from '../ui/serve.js';

export interface UiOptions {
  readonly port?: string;
  /** The run that is shown; its server ends with it. */
  readonly directory?: string;
}

const PAGE = fileURLToPath(new URL('../web/', import.meta.url));
/** Builds the page where it is missing or old; an installed package has it built. */
const BUILD = fileURLToPath(new URL('../../scripts/build-web.mjs', import.meta.url));
/** How long a page may take what a run told last, milliseconds. */
const LAST_WORDS = 1000;

/** The directory of a run begins with its process id. */
function pidOf(directory: string | undefined): number | undefined {
  return directory === undefined ? undefined : Number.parseInt(basename(directory), 10);
}

/** Serves until it is ended. Returns the exit status: 2 for what cannot be served. */
export async function ui(trace: string | undefined, options: UiOptions): Promise<number> {
  const say = (text: string): void => void process.stderr.write(`ioasid: ${text}\n`);
  const port = Number(options.port ?? 0);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    say(`--port ${options.port}: a number from 0 to 65535`);
    return 2;
  }
  if (existsSync(BUILD)) spawnSync(process.execPath, [BUILD], { stdio: ['ignore', 2, 2] });
  if (!existsSync(`${PAGE}index.html`)) {
    say('the page is not built: npm run build:web');
    return 2;
  }
  const only = options.directory === undefined ? undefined : new RunLink(options.directory);
  const ended = new Promise<void>((resolve) => {
    if (only) only.onEnd = resolve;
    else for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  try {
    const shown = trace === undefined ? undefined : { name: basename(trace), text: readFileSync(trace, 'utf8') };
    const served = await serve(
      { page: PAGE, runsDirectory: runsDirectory(), only, pid: pidOf(options.directory), trace: shown },
      port,
    );
    say(`the page is at ${served.url}`);
    await ended;
    if (only) await new Promise((resolve) => setTimeout(resolve, LAST_WORDS));
    served.close();
    return 0;
  } catch (error) {
    say((error as Error).message);
    return 2;
  } finally {
    only?.close();
  }
}
