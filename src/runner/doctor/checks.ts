/** What the runner needs of this host, what is there, and what to do. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { addressOf, errno, libc } from '../host/libc.js';
import { CHECK } from '../host/limits.js';
import { limitsOf } from '../host/procfs.js';
import { KERNEL_CHECK, kernelAtLeast, OLDEST } from '../kernel-version.js';
import { runsDirectory } from '../runs.js';
import { hostArchitecture, numberOf } from '../seccomp/syscalls.js';
import { inContainer, install, sysctl } from './fixes.js';

/** `missing` ends in exit status 1; `slower` works all the same. */
export type State = 'ok' | 'slower' | 'missing';

export interface Finding {
  readonly what: string;
  readonly state: State;
  /** What was seen. */
  readonly seen: string;
  /** What to do, unless all is well. */
  readonly advice?: string;
  /** The commands that do it on this host. */
  readonly fix?: readonly string[];
}

const SECCOMP_GET_ACTION_AVAIL = 2;
const SECCOMP_GET_NOTIF_SIZES = 3;
const RET_USER_NOTIF = 0x7fc00000;

interface Otherwise {
  readonly state?: State;
  readonly fix?: readonly string[];
}

const finding = (
  what: string,
  good: boolean,
  seen: string,
  advice: string,
  { state = 'missing', fix = [] }: Otherwise = {},
): Finding => (good ? { what, state: 'ok', seen } : { what, state, seen, advice, fix });

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1').replaceAll('\0', '').trim();
  } catch {
    return undefined;
  }
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
    { fix: inContainer() },
  );
}

/** What takes longer hangs, milliseconds: on an emulated processor a run takes a minute to start. */
const TRIAL_TIMEOUT = 180_000;

/** Runs a small program on the virtual kernel. */
function trial(what: string, script: string, advice: string, otherwise: Otherwise): Finding {
  const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [main, 'exec', '--', 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: TRIAL_TIMEOUT,
  });
  const seen = status === 0 ? 'works' : stderr.trim().split('\n')[0] || `exit status ${status ?? 'none: it hung'}`;
  return finding(what, status === 0, seen, advice, otherwise);
}

function ptraceScope(): Finding {
  const scope = readText('/proc/sys/kernel/yama/ptrace_scope');
  return finding(
    'ptrace scope (Yama)',
    scope === undefined || Number(scope) <= 1,
    scope ?? 'no Yama',
    'sysctl kernel.yama.ptrace_scope=1, or run with CAP_SYS_PTRACE',
    { fix: sysctl('kernel.yama.ptrace_scope', 1) },
  );
}

/** A number that the kernel allows each user. */
function inotify(what: string, name: string, least: number, better: number, seen: string): Finding {
  const max = Number(readText(`/proc/sys/fs/inotify/${name}`) ?? 0);
  const fix = sysctl(`fs.inotify.${name}`, better);
  return finding(what, max >= least, `${max}${seen}`, `sysctl fs.inotify.${name}=${better}`, { fix });
}

/** Descriptors of the supervisor: a few for each process and each open file of the program. */
function openFiles(): Finding {
  const { hard } = limitsOf(process.pid, 'Max open files');
  const fix = ['ulimit -n $(ulimit -Hn)'];
  return finding(
    CHECK.openFiles,
    hard === undefined || hard >= 256,
    String(hard ?? 'unlimited'),
    'raise the hard limit of open files to 256 or more (ulimit -Hn, LimitNOFILE= of a service)',
    { fix },
  );
}

/** Where the files of a run are. */
function runs(): Finding {
  try {
    const directory = runsDirectory();
    const { bavail, bsize } = statfsSync(directory);
    const free = Math.floor((bavail * bsize) / 2 ** 20);
    return finding(
      CHECK.runs,
      free >= 8,
      `${directory}, ${free} MiB free`,
      'free some room, or set TMPDIR to a directory elsewhere',
      {
        fix: ['export TMPDIR=$HOME/tmp; mkdir -p "$TMPDIR"'],
      },
    );
  } catch (error) {
    return finding(CHECK.runs, false, (error as Error).message, 'set TMPDIR to a directory that you can write to', {
      fix: ['export TMPDIR=$HOME/tmp; mkdir -p "$TMPDIR"'],
    });
  }
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
    'only the C examples need one',
    {
      state: 'slower',
      fix: install({
        apt: 'gcc libc6-dev',
        dnf: 'gcc',
        apk: 'gcc musl-dev linux-headers',
        pacman: 'gcc',
        zypper: 'gcc',
      }),
    },
  );
}

/** All checks, in the order in which they matter. */
export function examine(): Finding[] {
  const findings = [
    finding(
      KERNEL_CHECK,
      process.platform === 'linux' && kernelAtLeast(5, 14),
      `${process.platform} ${release()}`,
      OLDEST,
    ),
    architecture(),
  ];
  if (findings.some((f) => f.state === 'missing')) return findings;
  return [
    ...findings,
    userNotification(),
    trial(
      CHECK.listener,
      'true',
      'in a container, use a profile that allows seccomp and ioctl; a process can have one listener only',
      { fix: inContainer() },
    ),
    trial(
      CHECK.memory,
      'exec 3<>/dev/ioasid',
      'allow process_vm_readv and process_vm_writev (ptrace rights over your own children)',
      { fix: inContainer() },
    ),
    ptraceScope(),
    inotify(CHECK.watches, 'max_user_watches', 1024, 65536, ': as many files can be open at once'),
    inotify(CHECK.instances, 'max_user_instances', 8, 128, ': each run takes one'),
    openFiles(),
    runs(),
    finding('wake-up on the same CPU', kernelAtLeast(6, 6), release(), 'Linux 6.6 halves the round trip of a call', {
      state: 'slower',
    }),
    finding(
      'memory map queries',
      kernelAtLeast(6, 11),
      release(),
      'Linux 6.11 makes MAP_DMA of programs with many mappings faster',
      { state: 'slower' },
    ),
    container(),
    compiler(),
  ];
}
