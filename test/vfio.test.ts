/** The C programs of test/programs that go through VFIO as Linux has it, section by section, error by error. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, exec, root } from './run.js';

const PROGRAMS = [
  ['vfio-groups', 'nodes, last closes, groups, ownership, tokens'],
  ['vfio-container', 'containers, mapping, unmapping, user addresses, dirty pages, groups that come and go'],
  ['vfio-device', 'infos, mappings, accesses, interrupts, resets, features, eventfds that write'],
  ['vfio-config', 'the virtual configuration space: what can be written, and what it does'],
  ['vfio-sysfs', 'drivers, ids, overrides, SR-IOV by writing to /sys; unbinding a device in use'],
] as const;

describe('an unmodified C program sees', () => {
  test.each(PROGRAMS)('%s: %s', (name) => {
    const machine = join(root, 'test/programs/vfio-machine.yaml');
    const { status, stderr } = exec([compile(`test/programs/${name}.c`)], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
