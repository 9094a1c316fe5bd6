/** `ioasid record machine`: under exec it records the virtual machine, and what it wrote makes the same machine again. */
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseMachine } from '../src/machine/file/parse.js';
import { Host } from '../src/runner/record/host.js';
import { recordMachine } from '../src/runner/record/machine.js';
import { exec, ioasid, run, workDirectory } from './run.js';

interface Listed {
  readonly name: string;
  readonly address: string;
  readonly id: string;
  readonly group: number;
  readonly driver: string | null;
}
const list = (...args: string[]): Listed[] => JSON.parse(run(['machine', 'list', ...args, '--json']).stdout);
const told = ({ name, address, id, group, driver }: Listed): string => [name, address, id, group, driver].join(' ');

test.each(['default', 'laptop'])('the machine %s comes back, but for mediated devices', (name) => {
  const { status, stdout, stderr } = exec([ioasid, 'record', 'machine'], ['--machine', name]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const file = join(workDirectory, `recorded-${name}.yaml`);
  writeFileSync(file, stdout);
  const functions = list(name).filter(({ address }, _, all) => all.filter((it) => it.address === address).length === 1);
  const hosts = ({ driver }: Listed): boolean => driver !== 'vfio-pci';
  const [before, after] = [functions, list(file)];
  expect(
    after
      .filter((it) => !hosts(it))
      .map(told)
      .sort(),
  ).toEqual(
    before
      .filter((it) => !hosts(it))
      .map(told)
      .sort(),
  );
  const address = ({ address: at, driver, group }: Listed) => `${at} ${driver} ${group}`;
  expect(after.filter(hosts).map(address).sort()).toEqual(before.filter(hosts).map(address).sort());
  const again = exec([ioasid, 'record', 'machine'], ['--machine', file]);
  expect(again.stdout).toBe(stdout);
});

test('what VT-d says of itself is the unit of the machine file', () => {
  const { stdout } = exec([ioasid, 'record', 'machine'], ['--machine', 'default']);
  const { iommus } = parseMachine(stdout, 'recorded');
  expect(iommus.dmar0).toMatchObject({
    'enforce-snoop': true,
    nesting: { hardware: 1, software: 1 },
    'pasid-bits': 20,
    'address-width': 48,
    'page-sizes': ['4K', '2M', '1G'],
    'page-tables': ['x86-64-4level', 'x86-64-5level'],
    'dirty-tracking': true,
    reserved: [{ start: 0xfee00000, last: 0xfeefffff }],
  });
  expect(iommus.dmar1).toMatchObject({ 'enforce-snoop': false, 'pasid-bits': 0, 'address-width': 39 });
});

/** A host with one disk, as sysfs has it. */
function host(): Host {
  const root = mkdtempSync(join(workDirectory, 'host-'));
  const device = join(root, 'bus/pci/devices/0000:01:00.0');
  mkdirSync(join(device, 'nvme/nvme0'), { recursive: true });
  mkdirSync(join(root, 'class/iommu/ivhd0'), { recursive: true });
  mkdirSync(join(root, 'kernel/iommu_groups/4'), { recursive: true });
  writeFileSync(join(root, 'kernel/iommu_groups/4/reserved_regions'), '0x00000000fee00000 0x00000000feefffff msi\n');
  const files = { vendor: '0x144d', device: '0xa808', class: '0x010802', 'nvme/nvme0/serial': 'S649NX0T123456  ' };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(device, name), `${text}\n`);
  symlinkSync('../../../../class/iommu/ivhd0', join(device, 'iommu'));
  symlinkSync('../../../../kernel/iommu_groups/4', join(device, 'iommu_group'));
  symlinkSync('../../../../bus/pci/drivers/nvme', join(device, 'driver'));
  return new Host(root);
}

test('a serial number is left out unless it is asked for, and what cannot be read is left out too', () => {
  const text = recordMachine({}, host());
  expect(text).not.toContain('S649NX0T123456');
  expect(parseMachine(text, 'host').devices).toMatchObject({
    nvme0: { function: '0000:01:00.0', iommu: 'ivhd0', group: 4, model: 'nvme', 'host-driver': 'nvme' },
  });
  expect(parseMachine(recordMachine({ identifying: true }, host()), 'host').devices.nvme0?.nvme?.serial).toBe(
    'S649NX0T123456',
  );
});

test('a host without an IOMMU is told so', () => {
  expect(() => recordMachine({}, new Host(mkdtempSync(join(workDirectory, 'host-'))))).toThrow(/behind an IOMMU/);
});
