/** Who watches a run and tells of it: the trace, the sanitizers, the report of failures on demand. */
import { writeFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { BootedMachine } from '../../boot.js';
import { say } from '../host/output.js';
import type { FindingOptions } from './findings.js';
import { staleReport } from './stale-report.js';
import { openTrace } from './trace-file.js';

export interface ObserverOptions extends Omit<FindingOptions, 'sanitize'> {
  /** Sanitizers, comma-separated. */
  readonly sanitize?: string | undefined;
  /** A file, or `-` for text on stderr. */
  readonly trace?: string | undefined;
  /** What became of the rules of --inject goes there, as JSON. */
  readonly injectReport?: string | undefined;
}

/** One of them. */
interface Observer {
  /** The run has time: what was held back is written. */
  idle?(): void;
  /** The program is gone. Returns an exit status in place of the program's. */
  finish(): number | undefined;
}

function trace(machine: BootedMachine, file: string): Observer {
  const color = isatty(2) && !process.env.NO_COLOR;
  const { flush, close } = openTrace(file, machine.kernel, color);
  return {
    idle: flush,
    finish: () => {
      close();
      return undefined;
    },
  };
}

/** Without a sanitizer the strict model's own words say what caches hid. */
function stale({ caches }: BootedMachine): Observer {
  return {
    finish: () => {
      for (const line of staleReport(caches)) say(line);
      return undefined;
    },
  };
}

function injections({ injector }: BootedMachine, file: string): Observer {
  return {
    finish: () => {
      writeFileSync(file, JSON.stringify({ fired: injector?.fired ?? [], calls: injector?.log ?? [] }));
      return undefined;
    },
  };
}

export class Observers {
  readonly #list: readonly Observer[];
  /** To be called when the run has time; undefined: nobody waits for that. */
  readonly onIdle: (() => void) | undefined;

  private constructor(list: readonly Observer[]) {
    this.#list = list;
    const waiting = list.filter(({ idle }) => idle);
    this.onIdle =
      waiting.length === 0
        ? undefined
        : () => {
            for (const each of waiting) each.idle?.();
          };
  }

  /** Those who are asked for begin to watch. @throws Error that says what is wrong with the options */
  static async start(machine: BootedMachine, options: ObserverOptions): Promise<Observers> {
    const { sanitize, injectReport } = options;
    const list: Observer[] = [];
    if (options.trace !== undefined) list.push(trace(machine, options.trace));
    if (sanitize === undefined) list.push(stale(machine));
    else {
      const { Findings } = await import('./findings.js');
      list.push(new Findings(machine, { ...options, sanitize }));
    }
    if (injectReport !== undefined) list.push(injections(machine, injectReport));
    return new Observers(list);
  }

  /** The program is gone: they tell what they have to tell. Returns the exit status in place of the program's, if any. */
  finish(): number | undefined {
    let status: number | undefined;
    for (const observer of this.#list) status = observer.finish() ?? status;
    return status;
  }
}
