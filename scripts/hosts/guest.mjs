// What a guest has: busybox, Node, this package as it is installed, and the C programs of the tests; packed for the kernel.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printIommufdHeader } from '../../dist/abi/iommufd-header.js';
import { printHeader } from '../../dist/index.js';
import { cache, npmPackage, Release, run } from './packages.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** The oldest Node that the package promises to run on. */
const NODE = '20.19.0';
const LIBRARIES = ['busybox-static', 'libc6', 'libstdc++6', 'libgcc-s1'];
const PROGRAMS = /^(section-|iommufd-|driven|hostile|main-thread-ends)[^/]*\.c$/;

const ARCHITECTURES = {
  amd64: { node: 'x64', triple: 'x86_64-linux-gnu' },
  arm64: { node: 'arm64', triple: 'aarch64-linux-gnu' },
};

/** The architecture of this host, as Debian names it. */
export function hostArchitecture() {
  return Object.keys(ARCHITECTURES).find((name) => ARCHITECTURES[name].node === process.arch);
}

/** Command that compiles C for an architecture: the host's gcc, or a cross compiler from Debian's packages, not installed. */
function compiler(architecture) {
  if (architecture === hostArchitecture()) return { command: 'gcc', env: process.env };
  const { triple } = ARCHITECTURES[architecture];
  const directory = new Release('bookworm', hostArchitecture()).unpack(`gcc-${architecture}`, [
    ...[`gcc-12-${triple}`, `cpp-12-${triple}`, `binutils-${triple}`, `gcc-12-${triple}-base`],
    ...[`libc6-dev-${architecture}-cross`, `libc6-${architecture}-cross`, `linux-libc-dev-${architecture}-cross`],
    ...[`libgcc-12-dev-${architecture}-cross`, `libgcc-s1-${architecture}-cross`],
  ]);
  const libraries = join(directory, 'usr/lib', ARCHITECTURES[hostArchitecture()].triple);
  return {
    command: join(directory, `usr/bin/${triple}-gcc-12`),
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  };
}

function compilePrograms(architecture, target) {
  const source = join(root, 'test/programs');
  const headers = join(cache, 'headers');
  mkdirSync(headers, { recursive: true });
  writeFileSync(join(headers, 'ioasid.h'), printHeader());
  writeFileSync(join(headers, 'iommufd.h'), printIommufdHeader());
  const { command, env } = compiler(architecture);
  for (const name of readdirSync(source).filter((file) => PROGRAMS.test(file))) {
    const output = join(target, name.slice(0, -2));
    const flags = ['-O1', '-static', '-pthread', '-I', headers, '-I', source, '-o', output];
    run(command, [...flags, join(source, name)], { env });
  }
}

/** The package with what it depends on, its native library for the guest's architecture. */
function installPackage(architecture, target) {
  for (const name of ['bin', 'dist', 'examples', 'package.json'])
    cpSync(join(root, name), join(target, name), { recursive: true });
  const paths = run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root }).trim().split('\n').slice(1);
  for (const path of paths) {
    const name = relative(root, path);
    const native = /node_modules\/(@koromix\/koffi-linux-)\w+$/.exec(name);
    if (!native) cpSync(path, join(target, name), { recursive: true });
  }
  const { version } = JSON.parse(run('npm', ['ls', 'koffi', '--json'], { cwd: root })).dependencies.koffi;
  const native = `@koromix/koffi-linux-${ARCHITECTURES[architecture].node}`;
  cpSync(npmPackage(native, version), join(target, 'node_modules', native), { recursive: true });
  writeFileSync(
    join(target, 'tell-story.mjs'),
    "const { story } = await import('./dist/cli/stories/story.js');\nprocess.exitCode = story();\n",
  );
}

/** Builds the tree of an architecture's guests. Returns its directory. */
export function buildTree(architecture) {
  const { node, triple } = ARCHITECTURES[architecture];
  const tree = join(cache, `tree-${architecture}`);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(join(tree, 'bin'), { recursive: true });
  mkdirSync(join(tree, 'programs'));
  const packages = new Release('bookworm', architecture).unpack('libraries', LIBRARIES);
  for (const from of ['lib', 'lib64', `usr/lib/${triple}`]) {
    const directory = join(packages, from);
    if (!existsSync(directory)) continue;
    cpSync(directory, join(tree, from), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !/\/(gconv|audit)$/.test(path),
    });
  }
  copyFileSync(join(packages, 'bin/busybox'), join(tree, 'bin/busybox'));
  copyFileSync(join(npmPackage(`node-linux-${node}`, NODE), 'bin/node'), join(tree, 'bin/node'));
  copyFileSync(join(import.meta.dirname, 'init.sh'), join(tree, 'init'));
  for (const name of ['init', 'bin/busybox', 'bin/node']) chmodSync(join(tree, name), 0o755);
  installPackage(architecture, join(tree, 'ioasid'));
  compilePrograms(architecture, join(tree, 'programs'));
  return tree;
}

/** Packs a tree as the kernel unpacks it. @param expect what the guest reads in /ioasid/expect. Returns the archive. */
export function pack(tree, expect) {
  const archive = `${tree}-${expect}.cpio`;
  writeFileSync(join(tree, 'ioasid/expect'), expect);
  const { status, stderr } = spawnSync('sh', ['-c', `find . | cpio -o -H newc --quiet >'${archive}'`], {
    cwd: tree,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cpio failed: ${stderr}`);
  return archive;
}
