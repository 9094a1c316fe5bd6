/** The C programs of test/programs that go through VFIO as Linux has it, section by section, error by error. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, exec, root, workDirectory } from './run.js';

const PROGRAMS = [
  ['vfio-groups', 'nodes, last closes, groups, ownership, tokens'],
  ['vfio-container', 'containers, mapping, unmapping, user addresses, dirty pages, groups that come and go'],
  ['vfio-device', 'infos, mappings, accesses, interrupts, resets, features, eventfds that write'],
  ['vfio-config', 'the virtual configuration space: what can be written, and what it does'],
  ['vfio-sysfs', 'drivers, ids, overrides, SR-IOV by writing to /sys; unbinding a device in use'],
  ['vfio-dma-buf', 'DMA buffers of BARs: mapped for another device, and taken back'],
  ['vfio-resource', 'resourceN: memory that is mapped, ports that are read and written'],
] as const;

describe('an unmodified C program sees', () => {
  test.each(PROGRAMS)('%s: %s', (name) => {
    const machine = join(root, 'test/programs/vfio-machine.yaml');
    const { status, stderr } = exec([compile(`test/programs/${name}.c`)], ['--machine', machine]);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});

test('64 devices are initialised by 64 threads at once', () => {
  const devices = Array.from({ length: 64 }, (_, i) => {
    const bus = (i + 1).toString(16).padStart(2, '0');
    return `  vfio${i}: { function: "0000:${bus}:00.0", iommu: vtd0, group: ${i + 1}, model: ioat }`;
  });
  const machine = join(workDirectory, 'many.yaml');
  writeFileSync(
    machine,
    [
      'iommus:',
      '  vtd0: { enforce-snoop: true, address-width: 48, page-sizes: [4K, 2M] }',
      'devices:',
      ...devices,
      '',
    ].join('\n'),
  );
  const { status, stderr } = exec([compile('test/programs/vfio-many.c')], ['--machine', machine]);
  expect(stderr).toBe('');
  expect(status).toBe(0);
});
