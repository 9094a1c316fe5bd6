// npm run bench -- --compare REF [NAME...]: this checkout and another commit by turns, both with the benchmarks of here.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const ROUNDS = 2;

function run(cwd, command, ...args) {
  const { status, signal, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} in ${cwd} failed (${signal ?? status}):\n${stderr}`);
}

/** Builds a commit in a directory of its own, with the packages and the benchmarks of here. */
function checkOut(directory, ref) {
  run(root, 'git', 'worktree', 'add', '--detach', '--force', directory, ref);
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  run(directory, process.execPath, 'node_modules/typescript7/bin/tsc', '-b');
  run(directory, process.execPath, 'scripts/bundle.mjs');
  for (const path of ['bench', 'scripts/bench.mjs', 'scripts/prepare.mjs']) {
    cpSync(join(root, path), join(directory, path), { recursive: true });
  }
}

/** The least value of each figure, over all rounds. */
function least(into, figures) {
  for (const [name, values] of Object.entries(figures)) {
    into.set(name, Math.min(into.get(name) ?? Number.POSITIVE_INFINITY, ...values));
  }
}

/** Runs one benchmark in both checkouts by turns, and prints its table. */
function compareOne(name, ref, there, file) {
  const [ours, theirs] = [new Map(), new Map()];
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [directory, into] of [
      [root, ours],
      [there, theirs],
    ]) {
      const start = Date.now();
      process.stderr.write(`${name}, round ${round} of ${ROUNDS}, ${directory === root ? 'here' : ref} … `);
      run(directory, process.execPath, 'scripts/bench.mjs', '--figures', file, name);
      process.stderr.write(`${((Date.now() - start) / 1000).toFixed(0)} s\n`);
      least(into, JSON.parse(readFileSync(file, 'utf8')));
    }
  }
  console.log(
    `${`${name}: minimum of all rounds`.padEnd(100)}${'here'.padStart(12)}${ref.padStart(12)}${'ratio'.padStart(8)}`,
  );
  for (const [figure, here] of ours) {
    const other = theirs.get(figure);
    if (other === undefined) continue;
    console.log(
      `${figure.padEnd(100)}${here.toFixed(2).padStart(12)}${other.toFixed(2).padStart(12)}${(here / other).toFixed(2).padStart(8)}`,
    );
  }
}

/** Compares. A benchmark that a checkout cannot run is named and left out. @param ref a commit; @param names benchmarks */
export function compare(ref, names) {
  const temporary = mkdtempSync(join(tmpdir(), 'ioasid-compare-'));
  const there = join(temporary, 'checkout');
  // What is interrupted cleans up, too: the benchmark that runs ends, and with it this.
  process.on('SIGINT', () => {});
  try {
    process.stderr.write(`building ${ref} …\n`);
    checkOut(there, ref);
    for (const name of names) {
      try {
        compareOne(name, ref, there, join(temporary, 'figures.json'));
      } catch (error) {
        process.exitCode = 1;
        console.log(`${name}: not compared: ${error.message}`);
      }
    }
  } finally {
    spawnSync('git', ['worktree', 'remove', '--force', there], { cwd: root });
    rmSync(temporary, { recursive: true, force: true });
    spawnSync('git', ['worktree', 'prune'], { cwd: root });
  }
}
