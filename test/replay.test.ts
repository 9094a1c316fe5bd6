/** Runs of real programs are recorded, and replayed with the same answers; another machine answers otherwise. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEFAULT_MACHINE } from '../src/machine/file/default-machine.js';
import { compile, exec, ioasid, root, run, workDirectory } from './run.js';

const EQUAL = /every answer is the same\n$/;

/** Records a program. Returns the trace. */
function record(name: string, program: readonly string[], flags: readonly string[] = []): string {
  const trace = join(workDirectory, `${name}.trace`);
  const { status, stderr } = exec(program, ['--record', trace, ...flags]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return trace;
}

/** The default machine with another model in the place of vfio2. */
function machineWith(model: string): string {
  const file = join(workDirectory, `replayed-${model}.yaml`);
  writeFileSync(file, DEFAULT_MACHINE.replace('group: 3, model: dma-engine', `group: 3, model: ${model}`));
  return file;
}

const OF_VFIO = ['--machine', join(root, 'test/programs/vfio-machine.yaml')];

interface Recorded {
  readonly name: string;
  readonly flags?: readonly string[];
  readonly args?: readonly string[];
}

const PROGRAMS: readonly Recorded[] = [
  { name: 'section-1-files' },
  { name: 'section-2.1-accounting' },
  { name: 'section-2.3-faults' },
  { name: 'section-3-interrupts' },
  { name: 'section-4-kvm' },
  { name: 'driven' },
  { name: 'iommufd-pins' },
  { name: 'iommufd-devices', flags: ['--coherency', 'strict', '--eviction', 'seeded:3'] },
  { name: 'iommufd-viommu', flags: ['--selftest'] },
  { name: 'iommufd-kvm', flags: ['--authority', 'notifier'], args: ['notifier'] },
  { name: 'vfio-container', flags: OF_VFIO },
  { name: 'vfio-device', flags: OF_VFIO },
  { name: 'vfio-sysfs', flags: OF_VFIO },
];

describe('a recorded run of an unmodified program is replayed with the same answers', () => {
  test.each(PROGRAMS)('$name', ({ name, flags, args = [] }) => {
    const trace = record(name, [compile(`test/programs/${name}.c`), ...args], flags);
    expect(run(['replay', trace]).stdout).toMatch(EQUAL);
  });

  test.each(['ioat', 'edu', 'nvme'])('a driver of %s, whose registers nobody traps', (model) => {
    const trace = record(model, [compile(`test/programs/${model}.c`)], ['--machine', machineWith(model)]);
    expect(run(['replay', trace]).stdout).toMatch(EQUAL);
  });

  test('with failures on demand, the same ones', () => {
    const trace = join(workDirectory, 'injected.trace');
    const rule = 'IOASID_MAP_DMA:ENOMEM,nth=1';
    exec([compile('examples/demand-paging.c')], ['--record', trace, '--inject', rule]);
    expect(readFileSync(trace, 'utf8')).toContain('"errno":"ENOMEM"');
    expect(run(['replay', trace]).stdout).toMatch(EQUAL);
  });
});

describe('ioasid replay', () => {
  const program = () => compile('test/programs/section-2-rules.c');

  test('shows the first answer that another machine gives, and ends with 1', () => {
    const trace = record('rules', [program()]);
    const { status, stdout } = run(['replay', '--set', 'iommus.vtd0.address-width=39', trace]);
    expect(stdout).toMatch(/^the first answer that differs is that of step \d+, line \d+/);
    expect(stdout).toContain('addr_width\n      recorded  48\n      now       39\n');
    expect(status).toBe(1);
    const { equal, difference } = JSON.parse(
      run(['replay', '--json', '--set', 'iommus.vtd0.address-width=39', trace]).stdout,
    );
    expect(equal).toBe(false);
    expect(difference.event.ioctl).toBe('IOASID_GET_INFO');
    expect(difference.unlike).toContainEqual({ what: 'addr_width', recorded: '48', now: '39' });
  });

  test('shows the first answer under another policy', () => {
    const flags = ['--authority', 'notifier'];
    const trace = record('policy', [compile('test/programs/iommufd-kvm.c'), 'notifier'], flags);
    const { status, stdout } = run(['replay', '--authority', 'linux', trace]);
    expect(stdout).toContain('the first answer that differs');
    expect(status).toBe(1);
    expect(run(['replay', '--authority', 'nobody', trace])).toMatchObject({ status: 2, stdout: '' });
  });

  test('says of a trace without bytes what it lacks, and how to get one', () => {
    const trace = join(workDirectory, 'old.trace');
    expect(exec([program()], ['--trace', trace]).status).toBe(0);
    const { status, stdout, stderr } = run(['replay', trace]);
    expect(stderr).toMatch(/^ioasid: \S+old\.trace: this is a trace of version 1.*--record FILE/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(run(['replay', join(workDirectory, 'none')]).status).toBe(2);
  });

  test('says where a trace ends that was cut off, and that all before was the same; and reads a pipe', () => {
    const [whole, cut, empty] = ['whole', 'cut', 'empty'].map((name) => join(workDirectory, `${name}.trace`)) as [
      string,
      string,
      string,
    ];
    expect(exec([program()], ['--record', whole]).status).toBe(0);
    const text = readFileSync(whole, 'utf8');
    const piped = spawnSync('sh', ['-c', `cat ${whole} | ${ioasid} replay /dev/stdin`], { encoding: 'utf8' });
    expect([piped.status, piped.stderr]).toEqual([0, '']);
    writeFileSync(cut, text.trimEnd().slice(0, -5));
    expect(run(['replay', cut]).stderr).toMatch(
      /line \d+ is no JSON.*\d+ steps before it had the same answers.*cut off/,
    );
    writeFileSync(empty, '');
    expect(run(['replay', empty])).toEqual({
      ...{ status: 2, stdout: '' },
      stderr: `ioasid: ${empty}: it is empty: nothing was recorded\n`,
    });
  });

  test('exec refuses to record what a trace cannot hold', () => {
    const machine = join(workDirectory, 'disk.yaml');
    const disk = `model: nvme, nvme: { namespaces: [{ file: ${join(workDirectory, 'disk.img')}, size: 1M }] }`;
    writeFileSync(machine, DEFAULT_MACHINE.replace('group: 3, model: dma-engine', `group: 3, ${disk}`));
    const { status, stderr } = exec(['true'], ['--machine', machine, '--record', join(workDirectory, 'x.trace')]);
    expect(stderr).toMatch(/--record: a disk of the machine is the file \S+disk\.img/);
    expect(status).toBe(125);
  });
});
