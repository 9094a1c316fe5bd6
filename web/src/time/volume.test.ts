import { expect, test } from 'vitest';
import { barsOf, totals } from './volume.js';

const activity = { device: 'a', width: 10, read: [5, 0, 7], written: [0, 100], recent: [], faults: [] };

test('each piece of time in which a device moved something is a bar where that time is', () => {
  expect(barsOf(activity, { from: 0, to: 40 }, 400)).toEqual([
    { x: 0, width: 100, bytes: 5, write: false },
    { x: 200, width: 100, bytes: 7, write: false },
    { x: 100, width: 100, bytes: 100, write: true },
  ]);
});

test('what is out of sight has no bar, and what is cut begins where the axis does', () => {
  expect(barsOf(activity, { from: 15, to: 20 }, 50)).toEqual([{ x: 0, width: 50, bytes: 100, write: true }]);
  expect(barsOf(activity, { from: 30, to: 90 }, 50)).toEqual([]);
});

test('altogether', () => {
  expect(totals(activity)).toEqual({ read: 12, written: 100 });
});
