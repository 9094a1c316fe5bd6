// npm run test:hosts [-- NAME...]: boots guests with Debian's kernels, and looks what ioasid does on each of them.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, appendFileSync, constants, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { prepare } from '../prepare.mjs';

prepare();
const { buildTree, hostArchitecture, pack } = await import('./guest.mjs');
const { cache, Release } = await import('./packages.mjs');

/** No guest runs longer, milliseconds: 25 programs, each on a processor that is emulated. */
const TIMEOUT = 7_200_000;

const HOSTS = {
  'linux-5.10': {
    architecture: 'amd64',
    suite: 'bullseye',
    kernel: '^linux-image-5\\.10\\.0-[0-9]+-cloud-amd64$',
    tooOld: true,
  },
  'linux-6.1': { architecture: 'amd64', suite: 'bookworm', kernel: '^linux-image-6\\.1\\.0-[0-9]+-cloud-amd64$' },
  'linux-6.12': { architecture: 'amd64', suite: 'trixie', kernel: '^linux-image-6\\.12\\.[0-9]+.*-cloud-amd64$' },
  'linux-7': { architecture: 'amd64', suite: 'sid', kernel: '^linux-(image|binary)-7\\.[0-9.]+.*-cloud-amd64$' },
  'linux-6.12-arm64': { architecture: 'arm64', suite: 'trixie', kernel: '^linux-image-6\\.12\\.[0-9]+.*-cloud-arm64$' },
};

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
  return join(modules, readdirSync(modules)[0], 'vmlinuz');
}

/** Boots a guest. Returns what it said. @param log file that gets it as it comes */
function boot(host, archive, log) {
  const { architecture } = host;
  const { console: port, machine, cpu } = EMULATORS[architecture];
  const kvm = hasKvm(architecture);
  const [program, ...flags] = emulator(architecture);
  const args = [
    ...flags,
    ...['-machine', `${machine},accel=${kvm ? 'kvm' : 'tcg'}`, '-cpu', kvm ? 'host' : cpu, '-smp', '2', '-m', '2048'],
    ...['-nodefaults', '-nographic', '-serial', 'stdio', '-no-reboot'],
    ...['-kernel', kernelOf(host), '-initrd', archive, '-append', `console=${port} panic=-1 quiet`],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    writeFileSync(log, '');
    const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said += text;
      appendFileSync(log, text);
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}

/** What is wrong with what a guest said, a sentence each. */
function complaints({ tooOld }, said) {
  const results = [...said.matchAll(/^HOST (\S+) (\d+)\r?$/gm)].map(([, name, status]) => [name, Number(status)]);
  const wrong = [];
  if (!results.some(([name]) => name === 'end')) wrong.push('the guest did not come to its end');
  if (!tooOld) {
    for (const [name, status] of results) if (status !== 0) wrong.push(`${name} ended with ${status}`);
    return wrong;
  }
  if (results.find(([name]) => name === 'exec')?.[1] !== 125) wrong.push('exec was not refused with 125');
  for (const name of ['exec', 'doctor'])
    if (!new RegExp(`^SAID ${name}: .*Linux 5\\.14 or newer`, 'm').test(said))
      wrong.push(`${name} does not name the kernel that it needs`);
  return wrong;
}

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !HOSTS[name]);
if (unknown !== undefined) {
  console.error(`there is no '${unknown}'; there are: ${Object.keys(HOSTS).join(', ')}`);
  process.exit(2);
}
const trees = new Map();
let failed = false;
for (const [name, host] of Object.entries(HOSTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { architecture, tooOld = false } = host;
  if (!trees.has(architecture)) trees.set(architecture, buildTree(architecture));
  const begin = performance.now();
  const log = join(cache, `${name}.log`);
  const said = await boot(host, pack(trees.get(architecture), tooOld ? 'refused' : 'works'), log);
  const wrong = complaints(host, said);
  const kernel = /^HOST kernel (\S+)/m.exec(said)?.[1] ?? 'no kernel';
  const programs = [...said.matchAll(/^HOST \S+ \d+\r?$/gm)].length - 1;
  const time = ((performance.now() - begin) / 1000).toFixed(0);
  console.log(
    `${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(18)} ${kernel.padEnd(32)} ${programs} checks, ${time} s`,
  );
  if (wrong.length === 0) continue;
  failed = true;
  console.log(wrong.map((line) => `       ${line}`).join('\n'));
  console.log(`       all that it said: ${log}`);
}
process.exitCode = failed ? 1 : 0;
