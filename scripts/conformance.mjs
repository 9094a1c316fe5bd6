// Runs Linux's own tests, and what a real Linux answered, on the virtual kernel: a table of what passed beside what must.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { prepare } from './prepare.mjs';

const root = fileURLToPath(new URL('../', import.meta.url));
const linux = join(root, 'test/linux');
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ioasid', 'selftests');
/** Huge pages of 2 MiB that some tests of iommufd map; without them these fail on a real kernel too. */
const HUGE_PAGES = 64;
/** No test binary runs longer, milliseconds. */
const TIMEOUT = 300_000;
/** Exit status of a run in which the sanitizer found something. */
const FOUND = 99;

const expected = JSON.parse(readFileSync(join(linux, 'expected.json'), 'utf8'));
const NAMES = [...Object.keys(expected.binaries), ...Object.keys(expected.answers).map((name) => `answers-${name}`)];

const USAGE = `npm run conformance -- [--only NAME] [--json] [--ktap FILE] [--junit FILE] [--from DIRECTORY] [--sanitize]

Runs Linux's own tests, and sequences that a real Linux answered, on the virtual kernel. Ends with 1 if less passes than
test/linux/expected.json says.

  --only NAME,…     some of: ${NAMES.join(', ')}
  --json            the results as JSON on standard output
  --ktap FILE       the results as KTAP, too
  --junit FILE      the results as JUnit XML, too
  --from DIRECTORY  where the tests are built already
  --sanitize        Linux's own tests run under --sanitize dma,coherency; what it finds, but for test/linux/findings.txt, fails`;

function readOptions() {
  const flags = {
    json: { type: 'boolean', default: false },
    ktap: { type: 'string' },
    junit: { type: 'string' },
    from: { type: 'string' },
    only: { type: 'string' },
    sanitize: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  };
  try {
    const { values } = parseArgs({ options: flags });
    const unknown = values.only?.split(',').find((name) => !NAMES.includes(name));
    if (unknown !== undefined) throw new Error(`there is no '${unknown}'`);
    if (!values.help) return values;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const options = readOptions();
const say = (text) => process.stderr.write(`${text}\n`);

/** Where the binaries are; built from Debian's packages the first time. undefined: they cannot be. */
function binaries() {
  if (options.from) return options.from;
  if (existsSync(join(cache, 'VERSION'))) return cache;
  say("building Linux's own tests (once; 166 MB of packages) …");
  mkdirSync(cache, { recursive: true });
  const { status, stderr } = spawnSync('sh', [join(linux, 'build-selftests.sh'), cache], { encoding: 'utf8' });
  if (status === 0) return cache;
  rmSync(cache, { recursive: true, force: true });
  say(
    `${stderr}\nLINUX'S OWN TESTS WERE NOT RUN: they cannot be built here, which needs Debian on amd64 and its packages.`,
  );
  return undefined;
}

/** How many huge pages there are; asks for them where that is allowed. */
function hugePages() {
  const file = '/proc/sys/vm/nr_hugepages';
  const count = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  if (count() < HUGE_PAGES) {
    try {
      writeFileSync(file, String(HUGE_PAGES));
    } catch {
      // Not as this user.
    }
  }
  return count();
}

function exec(program, args, flags) {
  const command = ['exec', ...flags, '--', program, ...args];
  const started = performance.now();
  const { stdout, stderr, status, signal } = spawnSync(join(root, 'bin/ioasid'), command, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: TIMEOUT,
  });
  return { stdout, stderr, status, signal, seconds: (performance.now() - started) / 1000 };
}

/** The cases of a kselftest's TAP output. */
function cases(stdout) {
  const found = [];
  for (const [, not, name, skip] of stdout.matchAll(/^(not )?ok \d+ (\S+)(?: # SKIP (.*))?$/gm)) {
    found.push({ name, outcome: skip !== undefined ? 'skip' : not ? 'fail' : 'pass', ...(skip && { reason: skip }) });
  }
  return found;
}

/** Did a test run out of its time? On a busy machine that says nothing. */
const slow = (stdout, name) => stdout.includes(`# ${name.split('.').at(-1)}: Test terminated by timeout`);

/** Runs one case once more, alone. @param one its outcome is replaced */
function again(program, flags, one) {
  const [fixture, ...rest] = one.name.split('.');
  const filters = ['-f', fixture, ...(rest.length > 1 ? ['-v', rest[0]] : []), '-t', rest.at(-1)];
  const found = cases(exec(program, filters, flags).stdout).find(({ name }) => name === one.name);
  if (found) one.outcome = found.outcome;
}

function runBinary(directory, name, { machine, args = [] }) {
  const flags = machine ? ['--machine', join(linux, machine)] : ['--selftest'];
  if (options.sanitize) flags.push('--sanitize', 'dma,coherency', '--suppressions', join(linux, 'findings.txt'));
  const { stdout, stderr, status, signal, seconds } = exec(join(directory, name), args, flags);
  const all = cases(stdout);
  if (all.length === 0 && status === 4) all.push({ name, outcome: 'skip', reason: stdout.split('\n').at(-2) ?? '' });
  if (all.length === 0 || signal) all.push({ name, outcome: 'fail', reason: signal ?? stderr.trim() });
  if (options.sanitize && status === FOUND) {
    say(stderr.trimEnd());
    all.push({
      name: 'sanitizer',
      outcome: 'fail',
      reason: 'it found something',
      detail: stderr.trimEnd().split('\n'),
    });
  }
  for (const one of all) if (one.outcome === 'fail' && slow(stdout, one.name)) again(join(directory, name), flags, one);
  return { name, seconds, cases: all };
}

/** The answers of a run, by sequence; the log of a kernel is no answer. */
function answers(text) {
  const sequences = new Map();
  let lines = [];
  for (const line of text.split('\n')) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      continue;
    }
    if ('kmsg' in answer || 'end' in answer) continue;
    if (Object.keys(answer).join() === 'seq') {
      lines = [];
      sequences.set(answer.seq, lines);
    } else lines.push(JSON.stringify(answer));
  }
  return sequences;
}

function runOracle(directory, name, { machine, functions = {} }) {
  const work = mkdtempSync(join(tmpdir(), 'ioasid-conformance-'));
  let operations = gunzipSync(readFileSync(join(linux, `${name}.ops.gz`))).toString();
  for (const [place, address] of Object.entries(functions)) operations = operations.replaceAll(place, address);
  writeFileSync(join(work, 'operations'), operations);
  const flags = machine ? ['--machine', join(linux, machine)] : ['--selftest'];
  const { stdout, seconds } = exec(join(directory, 'orun'), [join(work, 'operations')], flags);
  rmSync(work, { recursive: true });
  const ours = answers(stdout);
  const all = [];
  for (const [sequence, real] of answers(gunzipSync(readFileSync(join(linux, `${name}.res.gz`))).toString())) {
    const mine = ours.get(sequence) ?? [];
    const at = real.findIndex((line, i) => line !== mine[i]);
    if (at < 0) all.push({ name: sequence, outcome: 'pass' });
    else all.push({ name: sequence, outcome: 'fail', reason: `Linux: ${real[at]}`, detail: [`here:  ${mine[at]}`] });
  }
  return { name: `answers of Linux: ${name}`, seconds, cases: all };
}

const count = ({ cases: all }, outcome) => all.filter((one) => one.outcome === outcome).length;

/** @returns the rows of the table; a row is worse if less passes, or more fails, than was recorded */
function judge(suites) {
  return suites.map(({ suite, want }) => {
    const row = { name: suite.name, seconds: Math.round(suite.seconds * 10) / 10 };
    for (const outcome of ['pass', 'fail', 'skip']) row[outcome] = count(suite, outcome);
    return { ...row, want, worse: row.pass < want.pass || row.fail > want.fail };
  });
}

function print(rows) {
  const width = Math.max(...rows.map(({ name }) => name.length));
  process.stdout.write(`${''.padEnd(width)}   pass  fail  skip     must pass  may fail  seconds\n`);
  for (const { name, pass, fail, skip, want, worse, seconds } of rows) {
    const numbers = [pass, fail, skip].map((n) => String(n).padStart(5)).join(' ');
    const must = `${String(want.pass).padStart(9)} ${String(want.fail).padStart(9)} ${String(seconds).padStart(8)}`;
    process.stdout.write(`${name.padEnd(width)}  ${numbers}     ${must}${worse ? '   WORSE' : ''}\n`);
  }
}

prepare();
const directory = binaries();
if (directory) {
  const pages = hugePages();
  if (pages < HUGE_PAGES) {
    say(
      `${pages} huge pages: 24 tests of iommufd need ${HUGE_PAGES} of 2 MiB (as root: echo ${HUGE_PAGES} > /proc/sys/vm/nr_hugepages)`,
    );
  }
  const wanted = (name) => !options.only || options.only.split(',').includes(name);
  const suites = [];
  for (const [name, want] of Object.entries(expected.binaries)) {
    const without = pages < HUGE_PAGES ? (want.hugePages ?? 0) : 0;
    const least = { pass: want.pass - without, fail: want.fail + without };
    if (wanted(name)) suites.push({ suite: runBinary(directory, name, want), want: least });
  }
  for (const [name, want] of Object.entries(expected.answers)) {
    if (wanted(`answers-${name}`)) suites.push({ suite: runOracle(directory, name, want), want });
  }
  const rows = judge(suites);
  if (options.ktap) {
    const { formatKtap } = await import('../dist/report/ktap.js');
    writeFileSync(options.ktap, formatKtap(suites.map(({ suite }) => suite)));
  }
  if (options.junit) {
    const { formatJunit } = await import('../dist/report/junit.js');
    writeFileSync(options.junit, formatJunit(suites.map(({ suite }) => suite)));
  }
  if (options.json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else print(rows);
  process.exitCode = rows.some(({ worse }) => worse) ? 1 : 0;
}
