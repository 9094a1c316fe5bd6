import { expect, test } from 'vitest';
import { DEFAULT_MACHINE } from './default-machine.js';
import { parseMachine } from './parse.js';
import { parseSetting } from './settings.js';

const machine = (...settings: string[]) => parseMachine(DEFAULT_MACHINE, 'default', settings.map(parseSetting));

test('a setting stands in place of what the file says, and changes nothing else', () => {
  const before = machine();
  const after = machine('devices.vfio1.no-snoop=false', 'fault-timeout=1m', 'devices.vfio7.sriov={ vfs: 2 }');
  expect(after.devices.vfio1).toEqual({ ...before.devices.vfio1, 'no-snoop': false });
  expect(after.devices.vfio7?.sriov).toEqual({ vfs: 2 });
  expect(after['fault-timeout']).toBe('1m');
  expect(after.iommus).toEqual(before.iommus);
});

test('an element of a list is named by its number', () => {
  expect(machine('iommus.vtd1.page-sizes.1=1G').iommus.vtd1?.['page-sizes']).toEqual(['4K', '1G']);
});

test('what several parts of a file share by an anchor is set for the one that is named', () => {
  const text = DEFAULT_MACHINE.replace('vtd0:', 'vtd0: &unit').replace(/ {2}vtd1:.*?\n\n/s, '  vtd1: *unit\n\n');
  const shared = parseMachine(text, 'file', [parseSetting('iommus.vtd1.address-width=40')]);
  expect([shared.iommus.vtd0?.['address-width'], shared.iommus.vtd1?.['address-width']]).toEqual([48, 40]);
});

test('a path that leads nowhere is told with what there is', () => {
  expect(() => machine('devices.vfio99.pri=true')).toThrow(
    /^--set devices.vfio99.pri=true: devices has no 'vfio99'; there are: vfio0, vfio1,/,
  );
  expect(() => machine('fault-timeout.unit=s')).toThrow("fault-timeout is a value, it has no 'unit'");
  expect(() => machine('devices')).toThrow('expected PATH=VALUE');
  expect(() => machine('devices..x=1')).toThrow('expected PATH=VALUE');
});

test('a value that the schema refuses is told by its setting', () => {
  expect(() => machine('devices.vfio1.group=many')).toThrow(
    "--set devices.vfio1.group=many: devices.vfio1.group: found 'many', expected number",
  );
  expect(() => machine('devices.vfio1.colour=red')).toThrow("devices.vfio1: unknown key 'colour'");
});
