// The C programs of the tests that a guest runs, each with the flags and arguments that the tests give it.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printIommufdHeader } from '../../dist/abi/iommufd-header.js';
import { printHeader } from '../../dist/index.js';
import { DEFAULT_MACHINE } from '../../dist/machine/file/default-machine.js';
import { cache, Release, run } from './packages.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const source = join(root, 'test/programs');
/** What is run as it is; the others of the folder need a work directory, another program or a host's device. */
const PLAIN = /^(section-(?!2.3-faults|4-authority)|iommufd-(?!kvm|viommu)|driven|main-thread-ends)[^/]*\.c$/;
const MACHINE = '--machine /programs/vfio.yaml';

/** Each case: name, flags of exec, program, its arguments. */
function cases() {
  const plain = readdirSync(source).filter((file) => PLAIN.test(file));
  const policy = (program, name) => [`${program}-${name}`, `--authority ${name}`, program, name];
  return [
    ...plain.map((file) => [file.slice(0, -2), '', file.slice(0, -2), '']),
    ['section-2.3-faults', '--machine /programs/patient.yaml', 'section-2.3-faults', ''],
    ['section-2.3-timeout', '--machine /programs/impatient.yaml', 'section-2.3-faults', 'timeout'],
    ['paths', '', 'paths', '/tmp/paths'],
    ['iommufd-viommu', '--selftest', 'iommufd-viommu', ''],
    ...['linux', 'mediated', 'notifier'].map((name) => policy('iommufd-kvm', name)),
    ...['mediated', 'one-time', 'sticky'].map((name) => policy('section-4-authority', name)),
    ...['groups', 'container', 'device', 'config', 'sysfs'].map((name) => [
      `vfio-${name}`,
      MACHINE,
      `vfio-${name}`,
      '',
    ]),
    // Takes as long as all others together.
    ['hostile', '', 'hostile', ''],
  ];
}

/** Names of the checks of C programs, in their order. */
export const programNames = cases().map(([name]) => name);

/**
 * Compiles them all, statically, and writes what is run how.
 * @param command the compiler
 * @param target directory, /programs of the guest
 */
export function compilePrograms({ command, env }, target) {
  const headers = join(cache, 'headers');
  mkdirSync(headers, { recursive: true });
  writeFileSync(join(headers, 'ioasid.h'), printHeader());
  writeFileSync(join(headers, 'iommufd.h'), printIommufdHeader());
  const list = cases();
  const files = [
    ...new Set(list.map(([, , program]) => join(source, `${program}.c`))),
    join(root, 'examples/wbinvd.c'),
  ];
  compileAll(files, { command, env, headers, target });
  writeFileSync(join(target, 'vfio.yaml'), readFileSync(join(source, 'vfio-machine.yaml')));
  // On an emulated processor the program itself may take longer to answer than the machine waits.
  for (const [name, time] of [
    ['patient', '600s'],
    ['impatient', '100ms'],
  ])
    writeFileSync(
      join(target, `${name}.yaml`),
      DEFAULT_MACHINE.replace('fault-timeout: 10s', `fault-timeout: ${time}`),
    );
  copyFileSync(join(import.meta.dirname, 'shell.sh'), join(target, 'shell.sh'));
  const lines = list.map(([name, flags, program, args]) => `${name} ${flags} -- /programs/${program} ${args}`);
  writeFileSync(join(target, 'list'), `${lines.join('\n')}\n`);
}

/** Keeps what was compiled until a source, a header or the compiler is another. */
function compileAll(files, { command, env, headers, target }) {
  const read = [headers, source].flatMap((at) => readdirSync(at).map((name) => join(at, name)));
  const hash = createHash('sha256').update(command);
  for (const file of [...files, ...read]) hash.update(readFileSync(file));
  const kept = join(cache, 'programs', hash.digest('hex').slice(0, 16));
  if (!existsSync(kept)) {
    const draft = `${kept}.${process.pid}`;
    mkdirSync(draft, { recursive: true });
    const flags = ['-O1', '-static', '-pthread', '-I', headers, '-I', source];
    for (const file of files) run(command, [...flags, '-o', join(draft, basename(file, '.c')), file], { env });
    renameSync(draft, kept);
  }
  cpSync(kept, target, { recursive: true });
}

/** Command that compiles C: the host's gcc, or a cross compiler from Debian's packages, not installed. */
export function compiler(architecture, host, { triple, hostTriple }) {
  if (architecture === host) return { command: 'gcc', env: process.env };
  const directory = new Release('bookworm', host).unpack(`gcc-${architecture}`, [
    ...[`gcc-12-${triple}`, `cpp-12-${triple}`, `binutils-${triple}`, `gcc-12-${triple}-base`],
    ...[`libc6-dev-${architecture}-cross`, `libc6-${architecture}-cross`, `linux-libc-dev-${architecture}-cross`],
    ...[`libgcc-12-dev-${architecture}-cross`, `libgcc-s1-${architecture}-cross`],
  ]);
  const libraries = join(directory, 'usr/lib', hostTriple);
  return {
    command: join(directory, `usr/bin/${triple}-gcc-12`),
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  };
}
