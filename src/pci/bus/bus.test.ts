import { describe, expect, test } from 'vitest';
import { Errno } from '../../abi/errno.js';
import { bootMachine } from '../../boot.js';
import { DEFAULT_DESCRIPTION } from '../../machine/default-description.js';
import { PciDriver } from './driver.js';
import { ResourceWindows } from './resource.js';

const ADDRESS = '0000:01:00.0';
const code = (act: () => void): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return error.code;
  }
};
function machine() {
  const booted = bootMachine();
  const { bus } = booted.slots;
  const driver = (name: string): PciDriver => {
    const found = bus.driver(name);
    if (!found) throw new Error(`no driver ${name}`);
    return found;
  };
  return { booted, bus, driver, slot: bus.at(ADDRESS), vfio: driver('vfio-pci') };
}
const nodes = ({ booted }: ReturnType<typeof machine>): boolean =>
  booted.kernel.fs.get('/dev/vfio/devices/vfio1') !== undefined;

describe('bind and unbind', () => {
  test('unbind is for the driver that has the function, and VFIO’s files go with it', () => {
    const it = machine();
    expect(nodes(it)).toBe(true);
    expect(code(() => it.bus.unbind(it.driver('nvme'), ADDRESS))).toBe('ENODEV');
    expect(code(() => it.bus.unbind(it.vfio, '0000:99:00.0'))).toBe('ENODEV');
    it.bus.unbind(it.vfio, ADDRESS);
    expect(it.slot.driver).toBeUndefined();
    expect(nodes(it)).toBe(false);
    expect(code(() => it.bus.unbind(it.vfio, ADDRESS))).toBe('ENODEV');
  });

  test('a driver binds what it matches: by driver_override, or by its ids', () => {
    const it = machine();
    it.bus.unbind(it.vfio, ADDRESS);
    expect(code(() => it.bus.bind(it.vfio, ADDRESS))).toBe('ENODEV');
    it.slot.driverOverride = 'vfio-pci';
    expect(code(() => it.bus.bind(it.driver('nvme'), ADDRESS))).toBe('ENODEV');
    expect(code(() => it.bus.bind(it.vfio, ADDRESS))).toBe('ok');
    expect(nodes(it)).toBe(true);
    expect(code(() => it.bus.bind(it.vfio, ADDRESS))).toBe('EBUSY');
  });

  test('drivers_probe takes the first that matches, and it is no error that none does', () => {
    const it = machine();
    it.bus.unbind(it.vfio, ADDRESS);
    expect(code(() => it.bus.probe(ADDRESS))).toBe('ok');
    expect(it.slot.driver).toBeUndefined();
    it.slot.driverOverride = 'nvme';
    it.bus.probe(ADDRESS);
    expect(it.slot.driver?.name).toBe('nvme');
    expect(code(() => it.bus.probe('0000:99:00.0'))).toBe('ENODEV');
  });

  test('a group with a function under a driver that does DMA is the host’s', () => {
    const it = machine();
    it.bus.unbind(it.vfio, '0000:03:00.1');
    it.bus.at('0000:03:00.1').driverOverride = 'ixgbe';
    it.bus.probe('0000:03:00.1');
    const { group } = it.bus.at('0000:03:00.0').requester;
    expect(group.owner).toBeDefined();
    it.bus.unbind(it.driver('ixgbe'), '0000:03:00.1');
    expect(group.owner).toBeUndefined();
    it.bus.at('0000:03:00.1').driverOverride = 'pci-stub';
    it.bus.probe('0000:03:00.1');
    expect(group.owner).toBeUndefined();
  });
});

describe('new_id and remove_id', () => {
  test('new_id binds every unbound function that matches at once', () => {
    const it = machine();
    it.bus.unbind(it.vfio, ADDRESS);
    expect(code(() => it.bus.addId(it.vfio, '1d0a'))).toBe('EINVAL');
    expect(code(() => it.bus.addId(it.vfio, 'vendor device'))).toBe('EINVAL');
    expect(code(() => it.bus.addId(it.vfio, '1d0a 0a51\n'))).toBe('ok');
    expect(it.slot.driver).toBe(it.vfio);
    expect(code(() => it.bus.addId(it.vfio, '1d0a 0a51'))).toBe('EEXIST');
    expect(code(() => it.vfio.removeId('1d0a 0a52'))).toBe('ENODEV');
    expect(code(() => it.vfio.removeId('1d0a 0a51'))).toBe('ok');
    // It unbinds nothing.
    expect(it.slot.driver).toBe(it.vfio);
    expect(code(() => it.vfio.removeId('1d0a 0a51'))).toBe('ENODEV');
  });

  test('ids may name subsystem and class', () => {
    const it = machine();
    it.bus.unbind(it.vfio, ADDRESS);
    it.bus.addId(it.vfio, '1d0a 0a51 1d0a 0a51 010802 ffffff');
    expect(it.slot.driver).toBeUndefined();
    it.bus.addId(it.vfio, '1d0a 0a51 ffffffff ffffffff 088000 ffff00');
    expect(it.slot.driver).toBe(it.vfio);
  });
});

test('a probe that fails leaves the function unbound', () => {
  const it = machine();
  it.bus.unbind(it.vfio, ADDRESS);
  const probe = () => {
    throw new Errno('ENOMEM', 'no');
  };
  const broken = new PciDriver({ name: 'broken', probe, remove: () => {} });
  it.bus.register(broken);
  it.slot.driverOverride = 'broken';
  expect(code(() => it.bus.bind(broken, ADDRESS))).toBe('ENOMEM');
  expect(it.slot.driver).toBeUndefined();
  expect(code(() => it.bus.probe(ADDRESS))).toBe('ok');
});

test('a device of the machine file that a host driver has can be moved to VFIO, under the first free name', () => {
  const devices = { ...DEFAULT_DESCRIPTION.devices };
  const { vfio2, ...others } = devices;
  if (!vfio2) throw new Error('the default machine has no vfio2');
  const description = { ...DEFAULT_DESCRIPTION, devices: { ...others, nic: { ...vfio2, 'host-driver': 'ixgbe' } } };
  const booted = bootMachine({ machine: description });
  const { bus } = booted.slots;
  const slot = bus.at('0000:02:00.0');
  expect(slot.driver?.name).toBe('ixgbe');
  bus.unbind(slot.driver as PciDriver, slot.address);
  slot.driverOverride = 'vfio-pci';
  bus.probe(slot.address);
  expect(slot.driver?.name).toBe('vfio-pci');
  expect(booted.kernel.fs.get('/dev/vfio/devices/vfio2')).toBeDefined();
  expect(booted.device('vfio2').requester.name).toBe('0000:02:00.0');
});

describe('addresses of BARs', () => {
  test('are multiples of their size, apart from each other, and of a page for memory', () => {
    const windows = new ResourceWindows();
    const bar = (index: number, kind: 'io' | 'memory32' | 'memory64', size: number) => ({
      ...{ index, kind, size, prefetchable: false },
    });
    const all = [
      ...windows.assign([bar(0, 'memory32', 256), bar(1, 'memory32', 1 << 20), bar(2, 'memory64', 1 << 30)]),
      ...windows.assign([bar(0, 'memory32', 4096), bar(4, 'io', 32), bar(2, 'memory64', 4096)]),
    ];
    for (const { start, size } of all) expect(start % BigInt(size)).toBe(0n);
    const ranges = all.map(({ start, size }) => [start, start + BigInt(Math.max(size, 4096)) - 1n] as const);
    ranges.sort((a, b) => (a[0] < b[0] ? -1 : 1));
    ranges.forEach(([start], i) => {
      expect(start > (ranges[i - 1]?.[1] ?? 0n)).toBe(true);
    });
    expect(all.map(({ flags }) => flags.toString(16))).toEqual([
      '40200',
      '40200',
      '140204',
      '40200',
      '40101',
      '140204',
    ]);
  });
});
