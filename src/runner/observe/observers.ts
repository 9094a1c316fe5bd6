/** Who watches a run and tells of it: the trace, the sanitizers, the report of failures on demand. */
import { writeFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { BootedMachine } from '../../boot.js';
import { say } from '../host/output.js';
import type { RunFile } from '../record/run-file.js';
import type { FindingOptions, Findings } from './findings.js';
import type { ReportOptions } from './reports.js';
import { staleReport } from './stale-report.js';
import { openTrace } from './trace-file.js';

export interface ObserverOptions extends Omit<FindingOptions, 'sanitize'>, ReportOptions {
  readonly program: string;
  readonly args: readonly string[];
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
  /** The program is gone. @param status its exit status. Returns one in place of it */
  finish(status: number): number | undefined;
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

function recording(record: RunFile): Observer {
  return {
    idle: () => record.flush(),
    finish: () => {
      record.close();
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

async function reports(options: ObserverOptions, findings: Findings | undefined): Promise<Observer> {
  const { caseOfRun, writeReports } = await import('./reports.js');
  const started = performance.now();
  return {
    finish: (status) => {
      const seconds = (performance.now() - started) / 1000;
      const one = caseOfRun([options.program, ...options.args], status, seconds, findings?.found ?? []);
      writeReports([{ name: 'ioasid exec', cases: [one] }], options);
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
  static async start(machine: BootedMachine, options: ObserverOptions, record?: RunFile): Promise<Observers> {
    const { sanitize, injectReport } = options;
    const list: Observer[] = [];
    if (options.trace !== undefined) list.push(trace(machine, options.trace));
    let findings: Findings | undefined;
    if (sanitize === undefined) list.push(stale(machine));
    else {
      const { Findings } = await import('./findings.js');
      findings = new Findings(machine, { ...options, sanitize });
      list.push(findings);
    }
    if (options.junit !== undefined || options.ktap !== undefined) list.push(await reports(options, findings));
    if (record) list.push(recording(record));
    if (injectReport !== undefined) list.push(injections(machine, injectReport));
    return new Observers(list);
  }

  /**
   * The program is gone: they tell what they have to tell.
   * @param ended the program's exit status
   * @returns the exit status in place of it, if any
   */
  finish(ended: number): number | undefined {
    let status: number | undefined;
    for (const observer of this.#list) status = observer.finish(ended) ?? status;
    return status;
  }
}
