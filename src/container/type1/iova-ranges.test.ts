import { describe, expect, test } from 'vitest';
import { UNIT } from '../../../test/hardware.js';
import { atLeastPages, usableRanges } from './iova-ranges.js';

describe('where a container may map (linux-vfio.md, 4.6)', () => {
  test('everywhere without a group, and what each group permits with some', () => {
    expect(usableRanges([])).toEqual([{ start: 0n, last: (1n << 64n) - 1n }]);
    const window = { ...UNIT, reserved: [{ start: 0xfee0_0000n, last: 0xfeef_ffffn }] };
    const narrow = { ...UNIT, addressWidth: 33, reserved: [{ start: 0xf000_0000n, last: 0xfee0_0fffn }] };
    expect(usableRanges([window, narrow])).toEqual([
      { start: 0n, last: 0xefff_ffffn },
      { start: 0xfef0_0000n, last: (1n << 33n) - 1n },
    ]);
  });

  test('nowhere if the groups have nothing in common', () => {
    const low = { ...UNIT, addressWidth: 13 };
    const high = { ...UNIT, reserved: [{ start: 0n, last: 0x1fffn }] };
    expect(usableRanges([low, high])).toEqual([]);
  });

  test('in pages of the CPU where an IOMMU has smaller ones', () => {
    expect([0x1000n, 0x800n, 0x40000800n, 0x201000n].map(atLeastPages)).toEqual([
      0x1000n,
      0x1000n,
      0x40001000n,
      0x201000n,
    ]);
  });
});
