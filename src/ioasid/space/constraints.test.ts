import { expect, test } from 'vitest';
import { UNIT } from '../../../test/hardware.js';
import { commonConstraints } from './constraints.js';

const NARROW = {
  ...UNIT,
  ...{ addressWidth: 39, pageSizes: 0x201000n, tableFormats: 0n, hardwareNesting: 0, softwareNesting: 2 },
  ...{ enforcesSnoop: false, dirtyTracking: false, reserved: [{ start: 0x1000n, last: 0x1fffn }] },
};

test('without a unit there are no constraints', () => {
  expect(commonConstraints([])).toBeUndefined();
});

test('two units have in common what both can: the narrower width, both page sizes, every hole, the lesser nesting', () => {
  const wide = { ...UNIT, pageSizes: 0x40201000n, tableFormats: 3n, reserved: [{ start: 0x4000n, last: 0x4fffn }] };
  expect(commonConstraints([wide, NARROW])).toEqual({
    ...{ pageSizes: 0x201000n, tableFormats: 0n, addressWidth: 39, hardwareNesting: 0, softwareNesting: 1 },
    ...{ enforcesSnoop: false, dirtyTracking: false },
    ranges: [
      { start: 0n, last: 0xfffn },
      { start: 0x2000n, last: 0x3fffn },
      { start: 0x5000n, last: (1n << 39n) - 1n },
    ],
  });
});

test('the order of the units does not matter', () => {
  expect(commonConstraints([UNIT, NARROW])).toEqual(commonConstraints([NARROW, UNIT]));
});
