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
  /** Memory that the supervisor has more than before, MiB: what is not collected yet is part of it. */
  readonly memory: number;
  /** Calls that the clients made, and how many of them were ioctls. */
  readonly calls: number;
  readonly ioctls: number;
}

/** What a round leaves behind. */
export const nothing = { status: 0, complaints: '', state: { contexts: [], vms: [] }, descriptors: 0 };

/** Most that a supervisor may keep, MiB. Its collector leaves garbage of about this size. */
export const MOST_MEMORY = 200;

/**
 * The supervisor is the parent of the shell. Files are released a moment after the last process ended; the directories of
 * threads that ended (/proc/TID/fd) go when room is needed.
 */
const SCRIPT = `
count() { ls -l /proc/$PPID/fd | grep -vc '/proc/[0-9]*/fd$'; }
memory() { awk '/^VmRSS/ { print $2 }' /proc/$PPID/status; }
before=$(count)
small=$(memory)
"$@" >&2; status=$?
sleep 0.3
echo "$((($(count)) - before)) $((($(memory) - small) / 1024)) $("$IOASID" ctl state --json --run $PPID | tr -d '\\n')"
exit $status`;

export function torture({ seed, calls, clients, kills, timeout = 300_000 }: TortureOptions): TortureResult {
  const program = [compile('test/programs/torture.c'), String(seed), ...[calls, clients, kills].map(String)];
  const { status, stdout, stderr } = spawnSync(ioasid, ['exec', '--', 'sh', '-c', SCRIPT, 'torture', ...program], {
    encoding: 'utf8',
    timeout,
    maxBuffer: 1 << 26,
    env: { ...process.env, IOASID: ioasid },
  });
  const told = /^\d+ clients, (\d+) calls, (\d+) of them ioctls, in .*\n/m;
  const [, made = 'NaN', ioctls = 'NaN'] = told.exec(stderr) ?? [];
  const [, descriptors = 'NaN', memory = 'NaN', text = '{}'] = /^(-?\d+) (-?\d+) (\{.*\})$/m.exec(stdout) ?? [];
  const { contexts, vms } = JSON.parse(text) as { contexts?: unknown; vms?: unknown };
  return {
    status,
    complaints: stderr.replace(told, ''),
    state: { contexts, vms },
    descriptors: Number(descriptors),
    memory: Number(memory),
    calls: Number(made),
    ioctls: Number(ioctls),
  };
}
