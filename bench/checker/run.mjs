// The checker's explorer beside SPIN, on the same model: policy mediated, two processes, files, devices
// and VMs, one descriptor of a file in a process.
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkedPolicy, DEFAULT_OPTIONS, worldOf } from '../../dist/check/check.js';
import { explore } from '../../dist/check/explore.js';
import { Search } from '../../dist/frontier/search.js';
import { aim, build, figure, row, title } from '../common.mjs';

const ROUNDS = 3;
const BOUNDS = { ...DEFAULT_OPTIONS, descriptors: 1 };

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

/** The search for policies: how many candidates it tries in a second, over one file and one device. */
function candidates() {
  title(`The search for a policy with P1 and P8, and with P2, P3, P8 and P10: there is none (best of ${ROUNDS})`);
  row('', 'candidates', 'a second', 'exclusions');
  for (const values of [2, 3]) {
    const runs = Array.from({ length: ROUNDS }, () =>
      seconds(() => {
        const size = { file: values, proof: values, vm: values, clock: 1 };
        const search = new Search(size, { ...BOUNDS, files: 1, devices: 1 });
        for (const ids of [
          ['P1', 'P8'],
          ['P2', 'P3', 'P8', 'P10'],
        ])
          if (search.find(['P0', ...ids])) throw new Error(`a policy with ${ids.join(', ')}`);
        return search;
      }),
    );
    const time = Math.min(...runs.map((each) => each.time));
    const { candidates: tried, exclusions } = runs[0].result;
    row(`memories of ${values} values`, String(tried), (tried / time).toFixed(0), String(exclusions.length));
  }
}

export function checker() {
  exploration();
  candidates();
}

function exploration() {
  title(`Exploring the rights world of policy mediated (best of ${ROUNDS})`);
  row('', 'states', 'states/s', 'bytes');
  const measured = (symmetry) => {
    const runs = Array.from({ length: ROUNDS }, () =>
      seconds(() => explore(worldOf(checkedPolicy('mediated'), BOUNDS, false), { symmetry })),
    );
    const times = runs.map((each) => each.time);
    figure(`seconds ${symmetry ? 'with' : 'without'} symmetry`, times, 2);
    return { ...runs[0].result, time: Math.min(...times) };
  };
  const plain = measured(false);
  const folded = measured(true);
  const line = (name, { states, time, bytesPerState }) =>
    row(name, String(states), (states / time).toFixed(0), bytesPerState.toFixed(0));
  line('ioasid check, one core (properties judged)', plain);
  line('the same, one state for all its renamings', folded);
  console.log(
    `  with renamings ${folded.covered} states, ${folded.covered === plain.states ? 'as many as without symmetry' : 'which DIFFERS'}: ${(folded.covered / folded.time).toFixed(0)} states/s`,
  );
  aim('states a second and core', plain.states / plain.time, { least: 500_000, digits: 0 });
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
  const spin = stored / time;
  console.log(
    `  the numbers of states ${stored - 1 === plain.states ? 'agree (SPIN counts the state before the first step too)' : 'DIFFER'}`,
  );
  aim("states with symmetry, times SPIN's speed", folded.covered / folded.time / spin, { least: 1 });
  console.log(
    `  ioasid check runs at ${((plain.states / plain.time / spin) * 100).toFixed(0)} % of SPIN's speed, with symmetry at ${((folded.covered / folded.time / spin) * 100).toFixed(0)} %`,
  );
}
