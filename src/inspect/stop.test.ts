import { expect, test } from 'vitest';
import type { TraceEvent } from '../trace/json.js';
import { matches } from './stop.js';

const map: TraceEvent = { time: 1, call: 'ioctl', ioctl: 'IOASID_MAP_DMA', file: '/dev/ioasid', errno: 'EINVAL' };
const doorbell: TraceEvent = { time: 1, call: 'pwrite64', file: '/dev/vfio/devices/vfio0', args: { offset: '0x8' } };

test('a stop means the calls that match all that it gives', () => {
  expect(matches({ call: 'IOASID_MAP_DMA' }, map)).toBe(true);
  expect(matches({ call: 'ioctl' }, map)).toBe(true);
  expect(matches({ call: 'IOASID_MAP_DMA', errno: 'ENOMEM' }, map)).toBe(false);
  expect(matches({ errno: 'EINVAL', file: 'ioasid' }, map)).toBe(true);
  expect(matches({ offset: 8 }, doorbell)).toBe(true);
  expect(matches({ offset: 8, file: 'vfio1' }, doorbell)).toBe(false);
  expect(matches({ offset: 8 }, map)).toBe(false);
  expect(matches({}, { time: 1, call: 'note' })).toBe(false);
});
