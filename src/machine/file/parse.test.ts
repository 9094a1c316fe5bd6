import { describe, expect, test } from 'vitest';
import { DEFAULT_MACHINE } from './default-machine.js';
import { FileError } from './file-error.js';
import { parseMachine } from './parse.js';

/** What is said of a machine file. */
function problems(text: string): string[] {
  try {
    parseMachine(text, 'm.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return error.message.split('\n');
  }
}

/** The default machine with a change. */
const changed = (from: string, to: string): string[] => {
  expect(DEFAULT_MACHINE).toContain(from);
  return problems(DEFAULT_MACHINE.replace(from, to));
};

describe('a wrong machine file is told by line and column, with what was found and what may stand there', () => {
  test.each([
    ['enforce-snoop: true', 'enforce-snoop: 1', "m.yaml:5:20: iommus.vtd0.enforce-snoop: found '1', expected boolean"],
    ['enforce-snoop: true', 'enforce: true', "m.yaml:5:5: iommus.vtd0: unknown key 'enforce'"],
    [
      'address-width: 48',
      'address-width: 99',
      "m.yaml:8:20: iommus.vtd0.address-width: found '99', at most 57 is possible",
    ],
    ['pasid-bits: 20', 'pasid-bits: -1', "m.yaml:7:17: iommus.vtd0.pasid-bits: found '-1', at least 0 is needed"],
    [
      '[4K, 2M, 1G]',
      '[4K, 3M]',
      "m.yaml:9:22: iommus.vtd0.page-sizes.1: found '3M', expected 4K or 16K or 64K or 2M or 4M or 1G or 512G",
    ],
    ['[4K, 2M, 1G]', '[2M]', 'm.yaml:9:5: iommus.vtd0.page-sizes: page size 4K is missing'],
    [
      'iommu: vtd1, group: 1',
      'iommu: vtd7, group: 1',
      "m.yaml:25:45: devices.vfio0.iommu: no IOMMU 'vtd7'; there are: vtd0, vtd1",
    ],
    ['"0000:03:00.1"', '"0000:03:00.0"', 'm.yaml:32:22: devices.vfio4.function: two devices have this function'],
    [
      '"0000:02:00.0"',
      '"2:0.0"',
      'm.yaml:29:22: devices.vfio2.function: found \'2:0.0\', expected a PCI address as in "0000:00:02.0"',
    ],
    ['vfio2:', 'gpu:', "m.yaml:29:3: devices.gpu: 'gpu': an assignable device is named vfioN"],
    ['authority: mediated', 'authority: sudo', "authority: no authority policy 'sudo'; there are"],
    ['fault-timeout: 10s', 'fault-timeout: soon', "fault-timeout: 'soon': a duration is a number and ms, s, m or h"],
    [
      'group: 3, model: dma-engine',
      'group: 3, model: dma-engine, sriov: { vfs: 2 }',
      'devices.vfio2.sriov: the model dma-engine is what it is: it takes no sriov',
    ],
    [
      'group: 3, model: dma-engine',
      'group: 3, model: memory, ioat: {}',
      'devices.vfio2.ioat: these are options of the model ioat, not of memory',
    ],
    [
      'group: 3, model: dma-engine',
      'group: 3, model: ioat, ioat: { largest-transfer: 3K }',
      'devices.vfio2.ioat.largest-transfer: a power of two from 4096 to 1048576 is needed',
    ],
    [
      'group: 3, model: dma-engine',
      'group: 3, model: memory, memory: { bars: [{ index: 0, kind: memory64, size: 4K }, { index: 1, size: 4K }] }',
      'devices.vfio2.memory.bars.1.index: BAR 1 is taken',
    ],
    [
      'group: 3, model: dma-engine',
      'group: 3, model: memory, sriov: { vfs: 1 }',
      'devices.vfio2.sriov: SR-IOV needs bus: pcie',
    ],
    ['group: 2,', 'group: 1,', 'devices.vfio1.group: group 1 is behind IOMMU vtd1 already'],
  ])('%s -> %s', (from, to, expected) => {
    const all = changed(from, to);
    expect(
      all.some((line) => line.includes(expected)),
      all.join('\n'),
    ).toBe(true);
  });

  test('broken YAML, and several problems at once in the order of the file', () => {
    expect(problems('iommus: [')[0]).toMatch(/^m\.yaml:1:10: /);
    expect(problems('')).toEqual(['m.yaml:1:1: found an empty value, expected object']);
    const two = problems(
      DEFAULT_MACHINE.replace('enforce-snoop: true', 'enforce-snoop: 1').replace('group: 3', 'group: x'),
    );
    expect(two.map((line) => line.split(':').slice(1, 3).join(':'))).toEqual(['5:20', '29:58']);
  });
});
