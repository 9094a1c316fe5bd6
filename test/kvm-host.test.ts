/** The host's KVM beside virtual devices: `exec --kvm host`. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MACHINE } from '../src/machine/file/default-machine.js';
import { compile, exec, workDirectory } from './run.js';

/** A program's way to say that the host's KVM runs no guest. */
const SKIPPED = 77;

const program = compile('test/programs/kvm-host.c');
/** Outside of the virtual kernel it ends early, but tells whether there is a KVM: its devices are not there. */
const alone = spawnSync(program, { encoding: 'utf8' });
const hasKvm = alone.status !== SKIPPED;

describe('the /dev/kvm of the host', () => {
  test.skipIf(hasKvm)('that is not there is told before the program starts', () => {
    const { status, stderr } = exec(['/bin/echo', 'started'], ['--kvm', 'host']);
    expect(stderr).toMatch(/--kvm host needs the host's \/dev\/kvm: E\w+/);
    expect(status).toBe(125);
  });

  test.skipIf(hasKvm)('is asked for by a machine file too', () => {
    const machine = join(workDirectory, 'kvm.yaml');
    writeFileSync(machine, `${DEFAULT_MACHINE}\nkvm: host\n`);
    expect(exec(['/bin/true'], ['--machine', machine])).toMatchObject({ status: 125 });
    expect(exec(['/bin/true'], ['--machine', machine, '--kvm', 'virtual'])).toMatchObject({ status: 0 });
  });

  // Skipped where it runs no guest: the program says why on stderr.
  test.skipIf(!hasKvm)('runs a guest that rings a doorbell in a mapped BAR and takes the interrupt', (context) => {
    const machine = join(workDirectory, 'kvm-host.yaml');
    const edu = 'group: 3, model: edu, edu: { mapped: true }';
    writeFileSync(machine, DEFAULT_MACHINE.replace('group: 3, model: dma-engine', edu));
    const { status, stderr } = exec([program], ['--machine', machine, '--kvm', 'host']);
    if (status === SKIPPED) context.skip(stderr);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
