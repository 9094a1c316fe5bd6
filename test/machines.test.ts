/** The machines that come with the package, by name, and small changes of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exec, root, run } from './run.js';

const names = run(['machine', 'names'])
  .stdout.split('\n')
  .filter(Boolean)
  .map((line) => line.split(' ')[0] ?? '');

test('there is one for each kind of host that people ask for', () => {
  expect(names).toEqual(['amd-server', 'arm-server', 'default', 'intel-server', 'laptop', 'legacy-groups', 'sriov']);
});

describe.each(names)('the machine %s', (name) => {
  test('is a machine file, says what it imitates, and runs a program that finds its devices', () => {
    expect(run(['machine', 'check', join(root, `machines/${name}.yaml`)])).toMatchObject({ status: 0, stderr: '' });
    expect(run(['machine', 'names']).stdout).toMatch(new RegExp(`^${name} +\\w.{10}`, 'm'));
    const list: { address: string; file: string | null }[] = JSON.parse(
      run(['machine', 'list', name, '--json']).stdout,
    );
    const files = list.flatMap(({ file }) => file ?? []);
    const { status, stdout, stderr } = exec(['ls', '-d', ...files, '/sys/bus/pci/devices'], ['--machine', name]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(files));
  });

  test('is in the documents', () => {
    expect(readFileSync(join(root, 'docs/machine.md'), 'utf8')).toContain(`| \`${name}\` |`);
  });
});

test('--set changes one thing of a machine', () => {
  const [device] = JSON.parse(run(['machine', 'list', 'laptop', '--set', 'devices.vfio0.group=70', '--json']).stdout);
  expect(device).toMatchObject({ name: 'vfio0', group: 70 });
  expect(exec(['ls', '/dev/vfio/70'], ['--machine', 'laptop', '--set', 'devices.vfio0.group=70'])).toMatchObject({
    status: 0,
    stdout: '/dev/vfio/70\n',
  });
});

test('a name or a path that does not exist is told with what there is, and nothing runs', () => {
  expect(exec(['echo', 'ran'], ['--machine', 'lapdog'])).toMatchObject({
    status: 125,
    stdout: '',
    stderr: expect.stringMatching(
      /^ioasid: no machine file 'lapdog', and no machine of that name; there are: amd-server,/,
    ),
  });
  expect(exec(['echo', 'ran'], ['--set', 'devices.vfio99.pri=true'])).toMatchObject({
    status: 125,
    stdout: '',
    stderr: expect.stringContaining("devices has no 'vfio99'; there are: vfio0"),
  });
});
