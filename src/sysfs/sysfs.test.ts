import { describe, expect, test } from 'vitest';
import { bootMachine } from '../boot.js';
import { AttributeFile } from '../kernel/fs/attribute-file.js';
import { relative } from './nodes.js';

function machine(cpus = 2) {
  const booted = bootMachine({ cpus });
  const { fs } = booted.kernel;
  const file = (path: string, privileged = true): AttributeFile => {
    const { path: at, inode } = fs.find(path);
    if (inode.type !== 'attribute') throw new Error(`${at} is a ${inode.type}`);
    const { content } = inode;
    if ('open' in content) throw new Error(`${at} is memory`);
    return new AttributeFile(at, content, privileged);
  };
  const bytes = (path: string, privileged = true): Uint8Array => {
    const all = new Uint8Array(8192);
    return all.subarray(0, file(path, privileged).pread(all, 0n));
  };
  const read = (path: string): string => String.fromCharCode(...bytes(path));
  const write = (path: string, text: string): number =>
    file(path).write(Uint8Array.from(text, (character) => character.charCodeAt(0)));
  const list = (path: string): string[] => {
    const { inode } = fs.find(path);
    return inode.type === 'directory' ? [...inode.list()].map(([name]) => name) : [];
  };
  const link = (path: string): string => {
    const { inode } = fs.find(path, false);
    return inode.type === 'link' ? inode.target : `a ${inode.type}`;
  };
  return { booted, fs, read, write, list, link, bytes };
}
const D = '/sys/bus/pci/devices/0000:01:00.0';

describe('the directory of a function', () => {
  const { read, link, bytes, list, fs } = machine();
  test.each([
    ['vendor', '0x1d0a\n'],
    ['device', '0x0a51\n'],
    ['class', '0x088000\n'],
    ['revision', '0x01\n'],
    ['irq', '0\n'],
    ['numa_node', '-1\n'],
    ['local_cpulist', '0-1\n'],
    ['local_cpus', '3\n'],
    ['driver_override', '(null)\n'],
    ['modalias', 'pci:v00001D0Ad00000A51sv00001D0Asd00000A51bc08sc80i00\n'],
    ['power_state', 'D0\n'],
  ])('%s', (name, expected) => {
    expect(read(`${D}/${name}`)).toBe(expected);
  });

  test('uevent', () => {
    expect(read(`${D}/uevent`).split('\n').slice(0, 5)).toEqual([
      ...['DRIVER=vfio-pci', 'PCI_CLASS=88000', 'PCI_ID=1D0A:0A51', 'PCI_SUBSYS_ID=1D0A:0A51'],
      'PCI_SLOT_NAME=0000:01:00.0',
    ]);
  });

  test('resource has thirteen lines: start, end, flags', () => {
    const lines = read(`${D}/resource`).trimEnd().split('\n');
    expect(lines).toHaveLength(13);
    expect(lines[0]).toMatch(/^0x0{8}e[0-9a-f]{7} 0x0{8}e[0-9a-f]{4}fff 0x0{11}40200$/);
    expect(lines[1]).toBe('0x0000000000000000 0x0000000000000000 0x0000000000000000');
  });

  test('config is the real configuration space with the BARs’ addresses; who has no CAP_SYS_ADMIN sees 64 bytes', () => {
    const all = bytes(`${D}/config`);
    expect(all).toHaveLength(256);
    expect([all[0], all[1]]).toEqual([0x0a, 0x1d]);
    const start = Number(/^0x0*([0-9a-f]+)/.exec(read(`${D}/resource`))?.[0]);
    expect(new DataView(all.slice().buffer).getUint32(0x10, true)).toBe(start);
    expect(bytes(`${D}/config`, false)).toHaveLength(64);
  });

  test('links are relative and as short as can be', () => {
    expect(link(D)).toBe('../../../devices/pci0000:01/0000:01:00.0');
    expect(link(`${D}/driver`)).toBe('../../../bus/pci/drivers/vfio-pci');
    expect(link(`${D}/subsystem`)).toBe('../../../bus/pci');
    expect(link(`${D}/iommu_group`)).toBe('../../../kernel/iommu_groups/2');
    expect(link(`${D}/iommu`)).toBe('../../virtual/iommu/dmar0');
    expect(link('/sys/kernel/iommu_groups/2/devices/0000:01:00.0')).toBe('../../../../devices/pci0000:01/0000:01:00.0');
    expect(link('/sys/class/vfio-dev/vfio1')).toBe('../../devices/pci0000:01/0000:01:00.0/vfio-dev/vfio1');
    expect(link('/sys/class/iommu/dmar0')).toBe('../../devices/virtual/iommu/dmar0');
    expect(relative('/a/b', '/a/c')).toBe('c');
  });

  test('every link leads somewhere', () => {
    const walk = (path: string): void => {
      for (const name of list(path)) {
        const at = `${path}/${name}`;
        const { inode } = fs.find(at, false);
        if (inode.type === 'link') expect(() => fs.find(at), at).not.toThrow();
        else if (inode.type === 'directory') walk(at);
      }
    };
    walk('/sys');
  });

  test('vfio-dev is there while the function is bound to a VFIO driver, with the number of the node', () => {
    const it = machine();
    const [name] = it.list(`${D}/vfio-dev`);
    expect(name).toBe('vfio1');
    const node = it.fs.find('/dev/vfio/devices/vfio1').inode;
    if (node.type !== 'device') throw new Error('no device');
    expect(it.read(`${D}/vfio-dev/vfio1/dev`)).toBe(`${node.major}:${node.minor}\n`);
    expect(it.link(`/sys/dev/char/${node.major}:${node.minor}`)).toContain('vfio-dev/vfio1');
    it.write('/sys/bus/pci/drivers/vfio-pci/unbind', '0000:01:00.0\n');
    expect(() => it.fs.find(`${D}/vfio-dev`)).toThrow('does not exist');
    expect(() => it.fs.find(`${D}/driver`)).toThrow('does not exist');
    expect(it.list('/sys/bus/pci/drivers/vfio-pci')).not.toContain('0000:01:00.0');
    expect(it.read(`${D}/uevent`)).not.toContain('DRIVER=');
  });
});

describe('what is written', () => {
  test('driver_override takes a name, and forgets it with an empty line or a zero', () => {
    const it = machine();
    it.write(`${D}/driver_override`, 'nvme\n');
    expect(it.read(`${D}/driver_override`)).toBe('nvme\n');
    it.write(`${D}/driver_override`, '\n');
    expect(it.read(`${D}/driver_override`)).toBe('(null)\n');
    it.write(`${D}/driver_override`, 'nvme');
    it.write(`${D}/driver_override`, '\0');
    expect(it.read(`${D}/driver_override`)).toBe('(null)\n');
  });

  test('remove takes a function out with all that shows it, rescan finds it again', () => {
    const it = machine();
    it.write(`${D}/remove`, '0');
    expect(it.list('/sys/bus/pci/devices')).toContain('0000:01:00.0');
    it.write(`${D}/remove`, '1\n');
    expect(it.list('/sys/bus/pci/devices')).not.toContain('0000:01:00.0');
    expect(it.list('/sys/kernel/iommu_groups')).not.toContain('2');
    expect(it.fs.get('/dev/vfio/devices/vfio1')).toBeUndefined();
    it.write('/sys/bus/pci/rescan', '1');
    expect(it.list('/sys/bus/pci/devices')).toContain('0000:01:00.0');
    expect(() => it.fs.find(`${D}/driver`)).toThrow();
    it.booted.plug('vfio1');
    expect(it.link(`${D}/driver`)).toContain('vfio-pci');
  });

  test('enable is for functions without a driver', () => {
    const it = machine();
    expect(() => it.write(`${D}/enable`, '1')).toThrow('bound to vfio-pci');
    it.write('/sys/bus/pci/drivers/vfio-pci/unbind', '0000:01:00.0');
    it.write(`${D}/enable`, '1');
    expect(it.read(`${D}/enable`)).toBe('1\n');
    it.write(`${D}/enable`, '0');
    expect(it.read(`${D}/enable`)).toBe('0\n');
    expect(() => it.write(`${D}/enable`, '0')).toThrow('is not enabled');
    expect(() => it.write(`${D}/enable`, 'perhaps')).toThrow('neither yes nor no');
  });

  test('parameters of modules are switches, as kstrtobool takes them', () => {
    const it = machine();
    const at = '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts';
    expect(it.read(at)).toBe('N\n');
    for (const [text, value] of [
      ['1', 'Y'],
      ['n', 'N'],
      ['on', 'Y'],
      ['off', 'N'],
      ['Yes', 'Y'],
    ] as const) {
      it.write(at, `${text}\n`);
      expect(it.read(at)).toBe(`${value}\n`);
    }
    expect(() => it.write(at, 'maybe')).toThrow('neither');
  });
});

test('IOMMU groups have their members, their reserved ranges and a type', () => {
  const { list, read, write } = machine();
  expect(list('/sys/kernel/iommu_groups')).toEqual(expect.arrayContaining(['1', '2', '3', '4', '5', '6']));
  expect(list('/sys/kernel/iommu_groups/4/devices')).toEqual(['0000:03:00.0', '0000:03:00.1']);
  expect(read('/sys/kernel/iommu_groups/4/reserved_regions')).toBe('0x00000000fee00000 0x00000000feefffff msi\n');
  const type = (group: number) => `/sys/kernel/iommu_groups/${group}/type`;
  expect(read(type(4))).toBe('DMA-FQ\n');
  expect(() => write(type(4), 'nothing')).toThrow('is no type');
  for (const wanted of ['identity', 'DMA']) {
    write(type(4), wanted);
    expect(read(type(4))).toBe(`${wanted}\n`);
  }
  write(type(4), 'auto');
  expect(read(type(4))).toBe('DMA-FQ\n');
  // A driver of the host has the second NVMe controller.
  expect(() => write(type(10), 'identity')).toThrow('is in use');
});

test('a unit tells its width and its abilities in cap and ecap', () => {
  const { read } = machine();
  const cap = BigInt(`0x${read('/sys/class/iommu/dmar0/intel-iommu/cap').trim()}`);
  expect(((cap >> 16n) & 0x3fn) + 1n).toBe(48n);
  const ecap = (unit: string) => BigInt(`0x${read(`/sys/class/iommu/${unit}/intel-iommu/ecap`).trim()}`);
  expect((ecap('dmar0') >> 7n) & 1n).toBe(1n);
  expect((ecap('dmar1') >> 7n) & 1n).toBe(0n);
});
