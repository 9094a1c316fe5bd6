// The guests: which kernels there are, the QEMU that boots them, and what they say while they run.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, appendFileSync, constants, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { hostArchitecture } from './guest.mjs';
import { Release } from './packages.mjs';

export const HOSTS = {
  'linux-5.10': {
    architecture: 'amd64',
    suite: 'bullseye',
    kernel: '^linux-image-5\\.10\\.0-[0-9]+-cloud-amd64$',
    tooOld: true,
  },
  'linux-6.1': { architecture: 'amd64', suite: 'bookworm', kernel: '^linux-image-6\\.1\\.0-[0-9]+-cloud-amd64$' },
  'linux-6.12': { architecture: 'amd64', suite: 'trixie', kernel: '^linux-image-6\\.12\\.[0-9]+.*-cloud-amd64$' },
  // Here the package linux-image is empty, and depends on this one.
  'linux-7': { architecture: 'amd64', suite: 'sid', kernel: '^linux-binary-7\\.[0-9.]+.*-cloud-amd64$' },
  'linux-6.12-arm64': { architecture: 'arm64', suite: 'trixie', kernel: '^linux-image-6\\.12\\.[0-9]+.*-cloud-arm64$' },
};

/** `cpu`: without pointer authentication, which takes most of an emulated processor's time. */
const EMULATORS = {
  amd64: { program: 'qemu-system-x86_64', debian: 'qemu-system-x86', console: 'ttyS0', machine: 'pc', cpu: 'max' },
  arm64: {
    program: 'qemu-system-aarch64',
    debian: 'qemu-system-arm',
    console: 'ttyAMA0',
    machine: 'virt',
    cpu: 'cortex-a72',
  },
};

function hasKvm(architecture) {
  if (architecture !== hostArchitecture()) return false;
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** QEMU as it is installed, or else from Debian's packages. @throws Error neither starts */
function emulator(architecture) {
  const { program, debian } = EMULATORS[architecture];
  const starts = (command) => spawnSync(command[0], [...command.slice(1), '--version']).status === 0;
  if (starts([program])) return [program];
  const directory = new Release('bookworm', hostArchitecture()).unpack(debian, [
    ...[debian, 'qemu-system-common', 'qemu-system-data', 'seabios', 'ipxe-qemu'],
  ]);
  const share = join(directory, 'usr/share');
  const command = [join(directory, 'usr/bin', program), '-L', join(share, 'qemu'), '-L', join(share, 'seabios')];
  if (!starts(command)) throw new Error(`${program} does not start: apt-get install ${debian}`);
  return command;
}

/** The kernel of a release, unpacked. */
function kernelOf({ suite, architecture, kernel }) {
  const release = new Release(suite, architecture);
  const name = release.newest(kernel);
  const directory = release.unpack(name, [name]);
  const boot = join(directory, 'boot');
  const image = existsSync(boot) && readdirSync(boot).find((file) => file.startsWith('vmlinuz'));
  if (image) return join(boot, image);
  const modules = join(directory, 'usr/lib/modules');
  if (!existsSync(modules)) throw new Error(`the package ${name} has no kernel`);
  return join(modules, readdirSync(modules)[0], 'vmlinuz');
}

/**
 * Boots a guest, and waits for its end.
 * @param environment of its first process
 * @param onLine gets each line of its console
 * @param log file that gets the console as it comes
 * @param limit milliseconds; then it is killed
 * @returns whether it was killed
 */
export function boot(host, archive, { environment, onLine, log, limit }) {
  const { architecture } = host;
  const { console: port, machine, cpu } = EMULATORS[architecture];
  const kvm = hasKvm(architecture);
  const [program, ...flags] = emulator(architecture);
  // Code that is made and thrown away at run time costs an emulator more than an interpreter does.
  const variables = { ...environment, ...(kvm ? {} : { NODE_OPTIONS: '--jitless' }) };
  const words = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  const args = [
    ...flags,
    ...['-machine', machine, '-cpu', kvm ? 'host' : cpu, '-smp', '2', '-m', '2048'],
    ...['-accel', kvm ? 'kvm' : 'tcg,thread=multi'],
    ...['-nodefaults', '-nographic', '-serial', 'stdio', '-no-reboot'],
    ...['-kernel', kernelOf(host), '-initrd', archive],
    ...['-append', `console=${port} panic=-1 quiet mitigations=off ${words.join(' ')}`],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.once('error', reject);
    if (child.pid === undefined) return;
    setPriority(child.pid, 19);
    let killed = false;
    let rest = '';
    writeFileSync(log, '');
    const timer = setTimeout(() => {
      killed = true;
      child.kill('SIGKILL');
    }, limit);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      appendFileSync(log, text);
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) onLine(line);
    });
    child.once('close', () => {
      clearTimeout(timer);
      if (rest) onLine(rest);
      resolve(killed);
    });
  });
}
