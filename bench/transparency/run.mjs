// What ordinary programs pay: each command with and without ioasid exec, by turns, against the aims.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { aim, figure, ioasid, median, spread, temporary, title } from '../common.mjs';

const ROUNDS = 5;

/** A tree with sources, a repository and a Makefile. */
function makeTree() {
  const tree = temporary('bench-tree');
  mkdirSync(join(tree, 'src'));
  for (let i = 0; i < 40; i++) {
    writeFileSync(
      join(tree, `src/f${i}.c`),
      `#include <stdio.h>\n#include <stdlib.h>\nint f${i}(void) { return ${i}; }\n`,
    );
  }
  writeFileSync(join(tree, 'Makefile'), 'all: $(patsubst %.c,%.o,$(wildcard src/*.c))\nclean:\n\trm -f src/*.o\n');
  const git = (...args) => spawnSync('git', ['-C', tree, '-c', 'user.name=a', '-c', 'user.email=b', ...args]);
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'tree');
  return tree;
}

/** The command line as it is installed: without sources, of which a checkout looks at each start whether one is new. */
function installed() {
  const [here, there] = [dirname(dirname(ioasid)), temporary('bench-installed')];
  mkdirSync(join(there, 'bin'));
  copyFileSync(ioasid, join(there, 'bin/ioasid'));
  for (const name of ['dist', 'node_modules', 'package.json']) symlinkSync(join(here, name), join(there, name));
  return join(there, 'bin/ioasid');
}

/** Name, shell script, aim: times as long as without. */
const COMMANDS = [
  ['find /usr/include /usr/share', 'find /usr/include /usr/share >/dev/null', 2],
  ['ls -lR /usr/include', 'ls -lR /usr/include >/dev/null', 1.5],
  ['git status', 'for i in 1 2 3 4 5; do git status --short; done', 1.5],
  ['gcc, one file', 'gcc -c -o /dev/null src/f0.c', 1.3],
  ['make -j2', 'make -s clean; make -s -j2', 1.3],
  ['tar c', 'tar c /usr/include | cat >/dev/null', 1.5],
  ['three finds at once', 'for i in 1 2 3; do find /usr/include >/dev/null & done; wait', 2],
  ['sh starts 200 programs', 'for i in $(seq 200); do /bin/true; done', 2],
];

function time(command, args, cwd) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

export function transparency() {
  const tree = makeTree();
  title(`Start, ms: minimum median maximum of ${ROUNDS * 2} rounds`);
  const command = installed();
  const [start, inCheckout, node] = [[], [], []];
  for (let i = 0; i < ROUNDS * 2; i++) {
    start.push(time(command, ['exec', '--', 'true'], tree));
    inCheckout.push(time(ioasid, ['exec', '--', 'true'], tree));
    node.push(time(process.execPath, ['-e', '0'], tree));
  }
  figure('ioasid exec -- true, installed', start);
  figure('ioasid exec -- true, in a checkout', inCheckout);
  figure('node -e 0', node);
  // 80 ms where Node itself takes 48.
  aim('start, times that of node -e 0', Math.min(...start) / Math.min(...node), { most: 1.67 });

  title(`With and without, ms: minimum median maximum of ${ROUNDS} rounds; how many times as long, and the aim`);
  for (const [name, script, most] of COMMANDS) {
    const [plain, run] = [[], []];
    for (let i = 0; i < ROUNDS; i++) {
      plain.push(time('sh', ['-c', script], tree));
      run.push(time(command, ['exec', '--', 'sh', '-c', script], tree));
    }
    // The start is told above: what is compared is the work.
    const ratio = (median(run) - median(start)) / median(plain);
    figure(name, run, 0, `without: ${spread(plain)}`.padStart(26), `${ratio.toFixed(2)}x`);
    aim(`${name}, times as long as without`, ratio, { most });
  }
}
