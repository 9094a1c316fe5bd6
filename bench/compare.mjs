// npm run bench -- --compare REF [NAME...]: this checkout and another commit by turns, both with the benchmarks of here.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const ROUNDS = 2;
/** The other checkout, and what is written while it is compared. */
const scratch = mkdtempSync(join(tmpdir(), 'ioasid-compare-'));

/** How long what was started may take to end when it is told to, milliseconds. */
const PATIENCE = 5000;
/** What ends a comparison: it cleans up, and ends as a program does that a signal ended. */
const ENDING = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** The signal that ended this comparison, and the command that runs, the leader of a process group of its own. */
let ended;
let running;

/** Signals what runs, and all that it started. */
function signalRunning(signal) {
  try {
    if (running) process.kill(-running.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function end(signal) {
  if (ended) return;
  ended = signal;
  signalRunning('SIGTERM');
  setTimeout(signalRunning, PATIENCE, 'SIGKILL').unref();
}

/** @throws Error the command failed, or the comparison was ended */
async function run(cwd, command, ...args) {
  if (ended) throw new Error(`ended by ${ended}`);
  running = spawn(command, args, {
    cwd,
    detached: true,
    env: { ...process.env, TMPDIR: scratch },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let told = '';
  running.stderr.setEncoding('utf8').on('data', (text) => {
    told += text;
  });
  const [status, signal] = await once(running, 'close');
  running = undefined;
  if (ended) throw new Error(`ended by ${ended}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} in ${cwd} failed (${signal ?? status}):\n${told}`);
}

/** Builds a commit in a directory of its own, with the packages and the benchmarks of here. */
async function checkOut(directory, ref) {
  await run(root, 'git', 'worktree', 'add', '--detach', '--force', directory, ref);
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  await run(directory, process.execPath, 'node_modules/typescript7/bin/tsc', '-b');
  await run(directory, process.execPath, 'scripts/bundle.mjs');
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
async function compareOne(name, ref, there, file) {
  const [ours, theirs] = [new Map(), new Map()];
  for (let round = 1; round <= ROUNDS; round++) {
    for (const [directory, into] of [
      [root, ours],
      [there, theirs],
    ]) {
      const start = Date.now();
      process.stderr.write(`${name}, round ${round} of ${ROUNDS}, ${directory === root ? 'here' : ref} … `);
      await run(directory, process.execPath, 'scripts/bench.mjs', '--figures', file, name);
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

/** Takes away the checkout, whatever the comparison was doing, and all that the benchmarks left in their directory. */
function cleanUp(there) {
  spawnSync('git', ['worktree', 'remove', '--force', there], { cwd: root });
  rmSync(scratch, { recursive: true, force: true });
  spawnSync('git', ['worktree', 'prune'], { cwd: root });
}

/** Compares. A benchmark that a checkout cannot run is named and left out. @param ref a commit; @param names benchmarks */
export async function compare(ref, names) {
  const there = join(scratch, 'checkout');
  for (const signal of Object.keys(ENDING)) process.on(signal, end);
  try {
    process.stderr.write(`building ${ref} …\n`);
    await checkOut(there, ref);
    for (const name of names) {
      try {
        await compareOne(name, ref, there, join(scratch, 'figures.json'));
      } catch (error) {
        if (ended) throw error;
        process.exitCode = 1;
        console.log(`${name}: not compared: ${error.message}`);
      }
    }
  } catch (error) {
    process.exitCode = ended ? 128 + ENDING[ended] : 1;
    console.error(error.message);
  } finally {
    cleanUp(there);
  }
}
