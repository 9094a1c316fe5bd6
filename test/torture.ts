/** Runs test/programs/torture.c on the virtual kernel, and looks at what is left of it in the supervisor. */
import { spawnSync } from 'node:child_process';
import { compile, ioasid } from './run.js';

export interface TortureOptions {
  readonly seed: number;
  /** Calls of each client, of one of its two threads. */
  readonly calls: number;
  readonly clients: number;
  readonly kills: number;
  /** Milliseconds. */
  readonly timeout?: number;
}

export interface TortureResult {
  readonly status: number | null;
  /** What was said on stderr. */
  readonly complaints: string;
  /** Objects of the machine that are left. */
  readonly state: unknown;
  /** Descriptors that the supervisor has more than before. */
  readonly descriptors: number;
}

/**
 * The supervisor is the parent of the shell. Files are released a moment after the last process ended; the directories of
 * threads that ended (/proc/TID/fd) go when room is needed.
 */
const SCRIPT = `
count() { ls -l /proc/$PPID/fd | grep -vc '/proc/[0-9]*/fd$'; }
before=$(count)
"$@" >&2; status=$?
sleep 0.3
echo "$((($(count)) - before)) $("$IOASID" ctl state --json --run $PPID | tr -d '\\n')"
exit $status`;

export function torture({ seed, calls, clients, kills, timeout = 300_000 }: TortureOptions): TortureResult {
  const program = [compile('test/programs/torture.c'), String(seed), ...[calls, clients, kills].map(String)];
  const { status, stdout, stderr } = spawnSync(ioasid, ['exec', '--', 'sh', '-c', SCRIPT, 'torture', ...program], {
    encoding: 'utf8',
    timeout,
    maxBuffer: 1 << 26,
    env: { ...process.env, IOASID: ioasid },
  });
  const complaints = stderr.replace(/^\d+ clients in .*\n/m, '');
  const [, descriptors = 'NaN', text = '{}'] = /^(-?\d+) (\{.*\})$/m.exec(stdout) ?? [];
  const { contexts, vms } = JSON.parse(text) as { contexts?: unknown; vms?: unknown };
  return { status, complaints, state: { contexts, vms }, descriptors: Number(descriptors) };
}
