import { mkdtempSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compile, run, start, workDirectory } from './run.js';

test('ioasid ctl unplugs and plugs devices, and switches the policy, under a running program', async () => {
  const { child, until, ended, state } = start(['exec', '--', compile('test/programs/unplug.c')]);
  const ctl = (...args: string[]) => run(['ctl', ...args, '--run', String(child.pid)]);
  for (const command of ['unplug vfio0', 'plug vfio0', 'unplug vfio4', 'authority one-time']) {
    await until(command);
    expect(ctl(...command.split(' '))).toMatchObject({ status: 0, stderr: '' });
    if (command === 'unplug vfio4') {
      const { stdout } = ctl('state');
      expect(stdout).toContain('unplugged: vfio4');
      expect(stdout).toMatch(/IOASID 1: 1 mappings, non-coherent, 0000:00:02.0/);
      expect(stdout).toContain('VM 1: its guest may flush; proofs: context 1');
      const json = JSON.parse(ctl('state', '--json').stdout);
      expect(json).toMatchObject({ authority: 'mediated', contexts: [{ need: true, mayFlush: true }] });
      expect(ctl('unplug', 'vfio4')).toMatchObject({ status: 1, stderr: expect.stringContaining('vfio4') });
      expect(ctl('authority', 'nobody')).toMatchObject({ status: 1, stderr: expect.stringContaining('there are') });
    }
    child.stdin.write('\n');
  }
  expect(await ended).toBe(0);
  expect(state.stderr).toBe('');
});

test('ioasid ctl without a run says so', () => {
  const { status, stderr } = run(['ctl', 'state', '--run', '1']);
  expect(status).toBe(1);
  expect(stderr).toMatch(/no run of yours|say which run/);
});

test('somebody who connects and says nothing does not keep a run alive', async () => {
  const runtime = mkdtempSync(join(workDirectory, 'idle-'));
  const { child, until, ended } = start(['exec', '--', 'sh', '-c', 'echo up; read line'], { XDG_RUNTIME_DIR: runtime });
  await until('up');
  const [name = ''] = readdirSync(join(runtime, 'ioasid'));
  const idle = connect(join(runtime, 'ioasid', name, 'control'));
  await new Promise((resolve) => idle.on('connect', resolve));
  const over = new Promise((resolve) => idle.on('close', resolve));
  child.stdin.write('\n');
  expect(await ended).toBe(0);
  await over;
});
