import { expect, test } from 'vitest';
import { POLICY_NAMES } from '../src/index.js';
import { compile, ioasid, run } from './run.js';

const policies = POLICY_NAMES.map((name) => (name === 'timeout:DURATION' ? 'timeout:1500ms' : name));

test.each(policies)('policy %s, seen by a program, a second process, a VM, and under hot-unplug', (policy) => {
  const program = compile('test/programs/policies.c');
  const { status, stderr } = run(['exec', '--authority', policy, '--', program, policy], {
    env: { ...process.env, IOASID: ioasid },
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
