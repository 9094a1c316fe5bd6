/**
 * One suite, two hosts: each scenario is played by simulated processes, and its calls are repeated by real ones under the
 * runner. Every answer, every byte that a call wrote and every byte that a device wrote must be the same.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bootMachine } from '../../src/index.js';
import { compile, run, start, workDirectory } from '../run.js';
import { type Recording, record } from './record.js';
import { ANYTHING } from './scenarios/anything.js';
import { DEVICES } from './scenarios/devices.js';
import { IOASID } from './scenarios/ioasid.js';
import { LINUX } from './scenarios/linux.js';

/** What real processes are answered. */
async function repeat({ steps }: Recording, name: string): Promise<string[]> {
  const file = join(workDirectory, `${name.replace(/\W+/g, '-')}.steps`);
  writeFileSync(file, steps.map((step) => `${step}\n`).join(''));
  const { child, state, ended } = start(['exec', '--', compile('test/two-hosts/steps.c'), file]);
  let done = 0;
  child.stdout.on('data', () => {
    // A line that begins with @ asks for what only the owner of the machine can do.
    for (const [, what = '', device = ''] of [...state.stdout.matchAll(/^@(\w+) (\w+)\n/gm)].slice(done)) {
      done++;
      const { status, stderr } = run(['ctl', what, device, '--run', String(child.pid)]);
      if (status !== 0) child.kill();
      state.stderr += stderr;
      child.stdin.write('\n');
    }
  });
  const status = await ended;
  expect([status, state.stderr]).toEqual([0, '']);
  return state.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('@'));
}

describe('simulated and real processes are answered alike:', () => {
  test.each(Object.entries({ ...IOASID, ...DEVICES, ...LINUX, ...ANYTHING }))('%s', async (name, play) => {
    const recorded = record(bootMachine(), play);
    const real = await repeat(recorded, name);
    // With the step beside it, so that a difference says what it is of.
    const told = (answers: readonly string[]) => recorded.steps.map((step, i) => `${i} ${step} = ${answers[i]}`);
    expect(recorded.answers.length).toBe(recorded.steps.length);
    expect(told(real)).toEqual(told(recorded.answers));
  });
});
