/** `ioasid doctor`: what the runner needs of this host, what is there, and what to do. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { addressOf, errno, libc } from './host/libc.js';
import { hostArchitecture, numberOf } from './seccomp/syscalls.js';

/** `missing` ends in exit status 1; `slower` works all the same. */
type State = 'ok' | 'slower' | 'missing';

export interface Finding {
  readonly what: string;
  readonly state: State;
  /** What was seen. */
  readonly seen: string;
  /** What to do, unless all is well. */
  readonly advice?: string;
}

const SECCOMP_GET_ACTION_AVAIL = 2;
const SECCOMP_GET_NOTIF_SIZES = 3;
const RET_USER_NOTIF = 0x7fc00000;

const finding = (what: string, good: boolean, seen: string, advice: string, otherwise: State = 'missing'): Finding =>
  good ? { what, state: 'ok', seen } : { what, state: otherwise, seen, advice };

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1').replaceAll('\0', '').trim();
  } catch {
    return undefined;
  }
}

function kernelAtLeast(major: number, minor: number): boolean {
  const [a = 0, b = 0] = release().split('.').map(Number);
  return a > major || (a === major && b >= minor);
}

function architecture(): Finding {
  const advice = 'use x86-64 or arm64';
  try {
    hostArchitecture();
    return finding('architecture', true, process.arch, advice);
  } catch {
    return finding('architecture', false, process.arch, advice);
  }
}

/** Can seccomp hand system calls to a supervisor at all? */
function userNotification(): Finding {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setUint32(0, RET_USER_NOTIF, true);
  const seccomp = numberOf('seccomp');
  const available = libc.syscall(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, addressOf(bytes), 0, 0) === 0;
  const why = available ? '' : libc.strerror(errno());
  const sizes = libc.syscall(seccomp, SECCOMP_GET_NOTIF_SIZES, 0, addressOf(bytes), 0, 0) === 0;
  const seen = available && sizes ? `struct sizes ${bytes.getUint16(0, true)}, ${bytes.getUint16(2, true)}` : why;
  return finding(
    'seccomp user notification',
    available && sizes,
    seen,
    'the kernel needs CONFIG_SECCOMP_FILTER; in a container, allow the seccomp system call',
  );
}

/** What takes longer hangs, milliseconds: on an emulated processor a run takes a minute to start. */
const TRIAL_TIMEOUT = 180_000;

/** Runs a small program on the virtual kernel. */
function trial(what: string, script: string, advice: string): Finding {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [main, 'exec', '--', 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: TRIAL_TIMEOUT,
  });
  const seen = status === 0 ? 'works' : stderr.trim().split('\n')[0] || `exit status ${status ?? 'none: it hung'}`;
  return finding(what, status === 0, seen, advice);
}

function ptraceScope(): Finding {
  const scope = readText('/proc/sys/kernel/yama/ptrace_scope');
  return finding(
    'ptrace scope (Yama)',
    scope === undefined || Number(scope) <= 1,
    scope ?? 'no Yama',
    'sysctl kernel.yama.ptrace_scope=1, or run with CAP_SYS_PTRACE',
  );
}

function watches(): Finding {
  const max = Number(readText('/proc/sys/fs/inotify/max_user_watches') ?? 0);
  return finding(
    'inotify watches',
    max >= 1024,
    `${max}: as many files can be open at once`,
    'sysctl fs.inotify.max_user_watches=65536',
  );
}

function container(): Finding {
  const profile = readText('/proc/self/attr/current') ?? 'none';
  const mode = /^Seccomp:\s*(\d)/m.exec(readText('/proc/self/status') ?? '')?.[1] ?? '0';
  const filtered = mode === '2' ? 'a seccomp filter is on us' : 'no seccomp filter on us';
  return { what: 'container profile', state: 'ok', seen: `security label '${profile}', ${filtered}` };
}

function compiler(): Finding {
  const { status, stdout } = spawnSync('gcc', ['--version'], { encoding: 'utf8' });
  return finding(
    'C compiler',
    status === 0,
    status === 0 ? (stdout.split('\n')[0] ?? '') : 'no gcc',
    'only the C examples need one: apt-get install gcc',
    'slower',
  );
}

function examine(): Finding[] {
  const findings = [
    finding(
      'Linux',
      process.platform === 'linux' && kernelAtLeast(5, 14),
      `${process.platform} ${release()}`,
      'Linux 5.14 or newer',
    ),
    architecture(),
  ];
  if (findings.some((f) => f.state === 'missing')) return findings;
  return [
    ...findings,
    userNotification(),
    trial(
      'seccomp listener',
      'true',
      'in a container, use a profile that allows seccomp and ioctl; a process can have one listener only',
    ),
    trial(
      'descriptors and memory',
      'exec 3<>/dev/ioasid',
      'allow process_vm_readv and process_vm_writev (ptrace rights over your own children)',
    ),
    ptraceScope(),
    watches(),
    finding(
      'wake-up on the same CPU',
      kernelAtLeast(6, 6),
      release(),
      'Linux 6.6 halves the round trip of a call',
      'slower',
    ),
    finding(
      'memory map queries',
      kernelAtLeast(6, 11),
      release(),
      'Linux 6.11 makes MAP_DMA of programs with many mappings faster',
      'slower',
    ),
    container(),
    compiler(),
  ];
}

const MARK: Readonly<Record<State, string>> = { ok: 'ok     ', slower: 'could  ', missing: 'MISSING' };

/** Prints the findings. Returns the exit status: 1 if something is missing. */
export function doctor(json: boolean): number {
  const findings = examine();
  const good = findings.every((f) => f.state !== 'missing');
  if (json) process.stdout.write(`${JSON.stringify({ good, findings }, null, 2)}\n`);
  else {
    for (const { what, state, seen, advice } of findings) {
      process.stdout.write(`${MARK[state]} ${what}: ${seen}\n${advice ? `        -> ${advice}\n` : ''}`);
    }
    process.stdout.write(
      good ? '\nThis host can run programs on the virtual kernel.\n' : '\nThis host lacks something: see above.\n',
    );
  }
  return good ? 0 : 1;
}
