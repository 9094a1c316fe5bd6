// The checker's explorer beside SPIN, on the same model: policy mediated, the default bounds.
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkedPolicy, DEFAULT_OPTIONS, worldOf } from '../../dist/check/check.js';
import { explore } from '../../dist/check/explore.js';
import { build, row, title } from '../common.mjs';

const ROUNDS = 3;

function seconds(act) {
  const start = process.hrtime.bigint();
  const result = act();
  return { result, time: Number(process.hrtime.bigint() - start) / 1e9 };
}

/** Compiles the model as SPIN's users do. Returns the verifier, or undefined without SPIN. */
function verifier() {
  copyFileSync(join(import.meta.dirname, 'mediated.pml'), join(build, 'mediated.pml'));
  if (spawnSync('spin', ['-a', 'mediated.pml'], { cwd: build }).status !== 0) return undefined;
  const { status, stderr } = spawnSync('gcc', ['-O2', '-w', '-DSAFETY', '-DNOREDUCE', '-o', 'pan', 'pan.c'], {
    cwd: build,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return join(build, 'pan');
}

export function checker() {
  title(`Exploring the rights world of policy mediated (best of ${ROUNDS})`);
  row('', 'states', 'states/s', 'bytes');
  const runs = Array.from({ length: ROUNDS }, () =>
    seconds(() => explore(worldOf(checkedPolicy('mediated'), DEFAULT_OPTIONS, false))),
  );
  const best = Math.min(...runs.map(({ time }) => time));
  const { states, bytesPerState } = runs[0].result;
  row(
    'ioasid check, one core (properties judged)',
    String(states),
    (states / best).toFixed(0),
    bytesPerState.toFixed(0),
  );
  const pan = verifier();
  if (!pan) {
    row('SPIN is not installed (Debian package spin)');
    return;
  }
  const outputs = Array.from({ length: ROUNDS }, () =>
    seconds(() => spawnSync(pan, ['-m5000000', '-w22'], { cwd: build, encoding: 'utf8' }).stdout),
  );
  const output = outputs[0].result;
  const stored = Number(/(\d+) states, stored/.exec(output)?.[1]);
  const memory = Number(/([\d.]+)\s+equivalent memory usage/.exec(output)?.[1] ?? 0) * 2 ** 20;
  const time = Math.min(...outputs.map((each) => each.time));
  row('SPIN, -O2 (no property)', String(stored), (stored / time).toFixed(0), (memory / stored).toFixed(0));
  // SPIN has one state more: before the devices are plugged in.
  console.log(
    `  the numbers of states ${stored - 1 === states ? 'agree (SPIN counts the state before the first step too)' : 'DIFFER'}`,
  );
  console.log(`  ioasid check runs at ${((states / best / (stored / time)) * 100).toFixed(0)} % of SPIN's speed`);
}
