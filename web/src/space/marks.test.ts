import { expect, test } from 'vitest';
import type { Touch } from '../../../src/inspect/source.js';
import { marksOf } from './marks.js';

const touch = (time: number, more: Partial<Touch> = {}): Touch => ({
  ...{ time, first: '0x1000', last: '0x1fff', write: true },
  ...more,
});
const silent = { width: 1, read: [], written: [] };

test('an address space shows what went through it, told apart by the names of devices and PASIDs, the newest first', () => {
  const activity = [
    { device: 'a', ...silent, recent: [touch(1), touch(3, { pasid: 7 })], faults: [touch(2, { fault: 'not mapped' })] },
    { device: 'b', ...silent, recent: [touch(4)], faults: [] },
  ];
  const told = (reachedBy: { device: string; pasid?: number }[]) =>
    marksOf(activity, reachedBy, (name) => name.toUpperCase()).map(({ device, pasid, what }) => [device, pasid, what]);
  expect(told([{ device: 'a' }])).toEqual([
    ['A', undefined, 'write stopped: not mapped'],
    ['A', undefined, 'write'],
  ]);
  expect(told([{ device: 'a', pasid: 7 }, { device: 'b' }])).toEqual([
    ['B', undefined, 'write'],
    ['A', 7, 'write'],
  ]);
  expect(told([])).toEqual([]);
});
