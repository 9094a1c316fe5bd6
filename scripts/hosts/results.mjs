// What a guest told: its kernel and its checks, judged; the table and the reports of all guests.
import { programNames } from './programs.mjs';

/** Lines of the console that a failure shows. */
const LAST = 15;
const PASS = 'pass';

/** Collects what one guest says, line by line. */
export class Results {
  kernel = 'no kernel';
  over = false;
  checks = [];
  #host;

  #said = new Map();
  #last = [];
  #seconds = 0;
  #running;

  constructor(host) {
    this.#host = host;
  }

  /** Returns a line that tells the progress, if there is one to tell. */
  take(line) {
    this.#last = [...this.#last.slice(1 - LAST), line];
    const said = /^SAID (\S+): (.*)$/.exec(line);
    if (said) this.#said.set(said[1], [...(this.#said.get(said[1]) ?? []), said[2]]);
    const kernel = /HOST kernel (\S+)/.exec(line);
    if (kernel) {
      this.kernel = kernel[1];
      return `booted, Linux ${kernel[1]}`;
    }
    if (line === 'HOST over') this.over = true;
    const begin = /^HOST begin (\S+)$/.exec(line);
    if (begin) this.#running = begin[1];
    const end = /^HOST end (\S+) (\d+) (\d+)$/.exec(line);
    if (!end) return undefined;
    this.#running = undefined;
    const [, name, status, seconds] = end;
    const check = this.#judge(name, Number(status), Number(seconds));
    this.checks.push(check);
    return `${name}: ${check.outcome}${check.reason ? `, ${check.reason}` : ''} (${seconds} s)`;
  }

  /** No more lines come. @param seconds that it ran @param killed because it ran too long */
  end(seconds, killed) {
    this.#seconds = seconds;
    if (this.over) return;
    const reason = killed ? 'the guest ran too long and was killed' : 'the guest ended before its checks did';
    const name = this.#running ?? 'boot';
    this.checks.push({ name, outcome: 'error', seconds: 0, reason, detail: this.#last });
  }

  /** There is no guest. */
  cannotBoot(reason) {
    this.checks.push({ name: 'boot', outcome: 'error', seconds: 0, reason, detail: [] });
  }

  #judge(name, status, seconds) {
    const detail = this.#said.get(name) ?? [];
    const reason = this.#host.tooOld ? refusal(name, status, detail) : complaint(status);
    return { name, outcome: reason ? 'fail' : PASS, seconds, ...(reason ? { reason, detail } : {}) };
  }

  /** One check of a column of the table: its outcome, or none. */
  #of(name) {
    return this.checks.find((check) => check.name === name)?.outcome ?? '-';
  }

  /** Programs that passed, failed, were not run. */
  get programs() {
    const ran = this.checks.filter((check) => programNames.includes(check.name));
    const passed = ran.filter((check) => check.outcome === PASS).length;
    return { passed, failed: ran.length - passed, skipped: programNames.length - ran.length };
  }

  get failed() {
    return this.checks.some((check) => check.outcome !== PASS) || this.checks.length === 0;
  }

  /** The cells of the table. */
  row(name) {
    const { passed, failed, skipped } = this.programs;
    const programs = `${passed}/${failed}/${skipped}`;
    const cells = [
      name,
      this.kernel,
      this.#of('doctor'),
      this.#of('exec'),
      this.#of('shell'),
      this.#of('story'),
      programs,
    ];
    return [...cells, `${this.#seconds.toFixed(0)} s`];
  }

  json(name) {
    const { kernel, checks, programs } = this;
    return { name, kernel, refused: this.#host.tooOld === true, seconds: this.#seconds, programs, checks };
  }

  /** As src/report has it. Checks that were not run are left out. */
  suite(name) {
    return { name: `${name} (${this.kernel})`, cases: this.checks };
  }
}

function complaint(status) {
  if (status === 0) return undefined;
  return status === 143 || status === 124 ? 'ran too long' : `exit status ${status}`;
}

/** What is wrong with how an old kernel was refused. */
function refusal(name, status, said) {
  const expected = name === 'exec' ? 125 : 1;
  if (status !== expected) return `exit status ${status} instead of ${expected}`;
  return said.some((line) => /Linux 5\.14 or newer/.test(line)) ? undefined : 'the kernel that it needs is not named';
}

const HEAD = ['guest', 'kernel', 'doctor', 'exec', 'shell', 'story', 'C programs passed/failed/not run', 'time'];

/** @param all pairs of a guest's name and its results */
export function table(all) {
  const rows = [HEAD, ...all.map(([name, results]) => results.row(name))];
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
