// What a guest has: busybox, Node, this package as it is installed, and the C programs of the tests; packed for the kernel.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cache, npmPackage, Release, run } from './packages.mjs';
import { compilePrograms, compiler } from './programs.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** The oldest Node that the package promises to run on. */
const NODE = '20.19.0';
/** The times stay: bin/ioasid takes the bundle only where it is not older than the modules. */
const COPY = { recursive: true, preserveTimestamps: true };
const LIBRARIES = ['busybox-static', 'libc6', 'libstdc++6', 'libgcc-s1'];

const ARCHITECTURES = {
  amd64: { node: 'x64', triple: 'x86_64-linux-gnu' },
  arm64: { node: 'arm64', triple: 'aarch64-linux-gnu' },
};

/** The architecture of this host, as Debian names it. */
export function hostArchitecture() {
  return Object.keys(ARCHITECTURES).find((name) => ARCHITECTURES[name].node === process.arch);
}

/** The package with what it depends on, its native library for the guest's architecture. */
function installPackage(architecture, target) {
  for (const name of ['bin', 'dist', 'examples', 'package.json']) cpSync(join(root, name), join(target, name), COPY);
  const paths = run('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root }).trim().split('\n').slice(1);
  for (const path of paths) {
    const name = relative(root, path);
    const native = /node_modules\/(@koromix\/koffi-linux-)\w+$/.exec(name);
    if (!native) cpSync(path, join(target, name), COPY);
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
  copyFileSync(join(import.meta.dirname, 'gcc.sh'), join(tree, 'bin/gcc'));
  for (const name of ['init', 'bin/busybox', 'bin/gcc', 'bin/node']) chmodSync(join(tree, name), 0o755);
  installPackage(architecture, join(tree, 'ioasid'));
  const host = hostArchitecture();
  compilePrograms(
    compiler(architecture, host, { triple, hostTriple: ARCHITECTURES[host].triple }),
    join(tree, 'programs'),
  );
  return tree;
}

/** Packs a tree as the kernel unpacks it. Returns the archive. */
export function pack(tree) {
  const archive = `${tree}.cpio`;
  const { status, stderr } = spawnSync('sh', ['-c', `find . | cpio -o -H newc --quiet >'${archive}'`], {
    cwd: tree,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cpio failed: ${stderr}`);
  return archive;
}
