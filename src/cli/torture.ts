/** `ioasid torture`: runs a program again and again, one served call failing each time, and says how it takes it. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Suite } from '../report/result.js';
import { type ReportOptions, writeReports } from '../runner/observe/reports.js';
import { plan, ruleOf, type ServedCall, type Trial, told } from '../torture/plan.js';
import { DEFECTS, judge, MEANING, VERDICTS, type Verdict } from '../torture/verdict.js';

export interface TortureOptions extends ReportOptions {
  readonly machine?: string;
  readonly set?: readonly string[];
  readonly authority?: string;
  readonly selftest?: boolean;
  /** A shell command that says with status 0 that the program's work is done. */
  readonly verify?: string;
  /** Seconds a run may take; ten times the run without failures when not given, at least 5. */
  readonly timeout?: string;
  readonly jobs?: string;
  /** Only the first so many served calls. */
  readonly calls?: string;
  /** Trials are noted here; what is noted is not tried again. */
  readonly resume?: string;
  readonly json?: boolean;
}

interface Result {
  readonly rule: string;
  readonly told: string;
  readonly verdict: Verdict;
  readonly status: number | null;
  readonly said: string;
}

interface Ran {
  readonly status: number | null;
  readonly timedOut: boolean;
  readonly stderr: string;
  readonly seconds: number;
  readonly report: { readonly fired: readonly number[]; readonly calls: readonly { name: string; file: string }[] };
  readonly verified: number | null | undefined;
}

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** What a program says on stderr is kept up to here, characters. */
const MAX_SAID = 4096;
const DEFAULT_LEAST_TIMEOUT = 5;
const CALIBRATION_TIMEOUT = 600;

/** In an argument or in --verify: a directory of the trial's own, empty at its start. */
const OWN_DIRECTORY = '{}';

function shell(command: string, directory: string): Promise<number | null> {
  const child = spawn('sh', ['-c', command.replaceAll(OWN_DIRECTORY, directory)], { stdio: 'ignore' });
  return new Promise((resolve) => child.on('close', (code) => resolve(code)).on('error', () => resolve(null)));
}

/** Runs the program once under a rule, in a process group that the time limit ends whole. */
async function once(
  program: readonly string[],
  options: TortureOptions,
  rule: string | undefined,
  limit: number,
): Promise<Ran> {
  const directory = mkdtempSync(join(tmpdir(), 'ioasid-torture-'));
  const report = join(directory, 'report.json');
  const own = join(directory, 'own');
  const { machine, set = [], authority, selftest, verify } = options;
  const flags = [
    ...(machine === undefined ? [] : ['--machine', machine]),
    ...set.flatMap((setting) => ['--set', setting]),
    ...(authority === undefined ? [] : ['--authority', authority]),
    ...(selftest ? ['--selftest'] : []),
    ...(rule === undefined ? [] : ['--inject', rule]),
    ...['--inject-report', report, '--'],
  ];
  try {
    await shell(`mkdir '${own}'`, own);
    const args = program.map((part) => part.replaceAll(OWN_DIRECTORY, own));
    const started = performance.now();
    const child = spawn(process.execPath, [MAIN, 'exec', ...flags, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    let stderr = '';
    let timedOut = false;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_SAID) stderr += text;
    });
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, limit * 1000);
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('exit', (code) => resolve(code)).on('error', reject);
    });
    clearTimeout(timer);
    const seconds = (performance.now() - started) / 1000;
    const verified = status === 0 && verify !== undefined ? await shell(verify, own) : undefined;
    const told = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { fired: [0], calls: [] };
    return { status, timedOut, stderr, seconds, report: told, verified };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What a run said that the run without failures did not. */
function beyond(stderr: string, usual: string): string {
  const known = new Set(usual.split('\n'));
  return stderr
    .split('\n')
    .filter((line) => !known.has(line) && !line.startsWith('ioasid: '))
    .join('\n')
    .slice(0, MAX_SAID);
}

function readDone(file: string | undefined): Map<string, Result> {
  const done = new Map<string, Result>();
  if (file === undefined || !existsSync(file)) return done;
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const result = JSON.parse(line) as Result;
    done.set(result.rule, result);
  }
  return done;
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${name} is a number above 0, not '${text}'`);
  return value;
}

/** Shows on a terminal how far it is. */
function progress(done: number, all: number, defects: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${all} trials, ${defects} defects\u001b[K`);
}

function table(results: readonly Result[], command: (rule: string) => string): string {
  const lines = VERDICTS.map((verdict) => ({ verdict, n: results.filter((it) => it.verdict === verdict).length }))
    .filter(({ n }) => n > 0)
    .map(({ verdict, n }) => `${String(n).padStart(6)} ${verdict.padEnd(9)} ${MEANING[verdict]}`);
  for (const { rule, told, verdict, status, said } of results.filter((it) => DEFECTS.has(it.verdict))) {
    lines.push('', `${verdict}: ${told} (status ${status ?? 'none'})`, `  ${command(rule)}`);
    if (said.trim() !== '')
      lines.push(
        ...said
          .trim()
          .split('\n')
          .slice(0, 5)
          .map((line) => `  | ${line}`),
      );
  }
  return `${lines.join('\n')}\n`;
}

function suite(program: readonly string[], results: readonly Result[]): Suite {
  return {
    name: program.join(' '),
    cases: results.map(({ told, verdict, said, rule }) => ({
      name: told,
      outcome: DEFECTS.has(verdict) ? 'fail' : verdict === 'missed' ? 'skip' : 'pass',
      reason: `${verdict}: ${MEANING[verdict]}`,
      detail: [`--inject '${rule}'`, ...said.split('\n')],
    })),
  };
}

/** Returns the exit status: 1 if the program crashed, hung or lied; 125 if it fails without failures. */
export async function torture(program: readonly string[], options: TortureOptions): Promise<number> {
  const most = positive('calls', options.calls) ?? Number.POSITIVE_INFINITY;
  const usual = await once(program, options, undefined, positive('timeout', options.timeout) ?? CALIBRATION_TIMEOUT);
  if (usual.status !== 0 || usual.timedOut || (usual.verified ?? 0) !== 0) {
    const how = usual.timedOut ? 'does not end' : usual.status === 0 ? 'fails --verify' : `ends with ${usual.status}`;
    process.stderr.write(`ioasid: the program ${how} without any failure\n${usual.stderr}`);
    return 125;
  }
  const limit = positive('timeout', options.timeout) ?? Math.max(DEFAULT_LEAST_TIMEOUT, usual.seconds * 10);
  const calls: ServedCall[] = usual.report.calls.slice(0, most).map((call, i) => ({ nth: i + 1, ...call }));
  const trials = plan(calls);
  const done = readDone(options.resume);
  const results: (Result | undefined)[] = trials.map((trial) => done.get(ruleOf(trial)));
  const waiting = trials.map((trial, i) => ({ trial, i })).filter(({ i }) => results[i] === undefined);
  const attempt = async ({ trial, i }: { trial: Trial; i: number }): Promise<void> => {
    const rule = ruleOf(trial);
    const ran = await once(program, options, rule, limit);
    const said = beyond(ran.stderr, usual.stderr);
    const verdict = judge({ ...ran, said, fired: ran.report.fired[0] ?? 0 });
    const result: Result = { rule, told: told(trial), verdict, status: ran.status, said };
    results[i] = result;
    if (options.resume !== undefined) appendFileSync(options.resume, `${JSON.stringify(result)}\n`);
    const known = results.filter((it) => it !== undefined);
    progress(known.length, trials.length, known.filter((it) => DEFECTS.has(it.verdict)).length);
  };
  const jobs = positive('jobs', options.jobs) ?? availableParallelism();
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await attempt(next);
    }),
  );
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const all = results.filter((it) => it !== undefined);
  writeReports([suite(program, all)], options);
  const command = (rule: string): string => `ioasid exec --inject '${rule}' -- ${program.join(' ')}`;
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ program, calls: calls.length, limit, results: all }, null, 2)}\n`);
  } else {
    process.stdout.write(`${calls.length} served calls, ${all.length} trials\n${table(all, command)}`);
  }
  return all.some(({ verdict }) => DEFECTS.has(verdict)) ? 1 : 0;
}
