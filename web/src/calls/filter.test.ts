import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventStore, SEGMENT } from '../source/event-store.js';
import { Filtered, NO_FILTER } from './filter.js';

const CALLS = ['openat', 'IOASID_ALLOC', 'IOASID_MAP_DMA'];
const FILES = ['/dev/ioasid', '/dev/vfio/devices/vfio0'];
const ERRNOS = ['', 'EINVAL', 'ENXIO'];

const row = fc.tuple(fc.nat(2), fc.nat(1), fc.nat(2), fc.nat(2));

test('a filter shows what matches in every part, also of what comes later', () => {
  fc.assert(
    fc.property(fc.array(row), fc.array(row), row, (before, after, [call, file, errno, pid]) => {
      const store = new EventStore();
      const add = (rows: [number, number, number, number][]): void => {
        for (const [c, f, e, p] of rows) {
          const [name, path, code] = [CALLS[c] as string, FILES[f] as string, ERRNOS[e] as string];
          store.append({ time: 0, pid: p + 1, call: 'ioctl', ioctl: name, file: path, ...(code && { errno: code }) });
        }
      };
      const filter = {
        call: CALLS[call] as string,
        file: FILES[file] as string,
        errno: ERRNOS[errno] as string,
        pid: String(pid + 1),
      };
      const filtered = new Filtered(store, filter);
      for (const rows of [before, after]) {
        add(rows);
        filtered.update();
      }
      const wanted = [...before, ...after].flatMap(([c, f, e, p], i) =>
        c === call && f === file && (errno === 0 || e === errno) && p === pid ? [i] : [],
      );
      expect(Array.from({ length: filtered.length }, (_, i) => filtered.at(i))).toEqual(wanted);
      for (const [position, number] of wanted.entries()) expect(filtered.positionOf(number)).toBe(position);
    }),
  );
});

test('events that left the store leave the filter', () => {
  const store = new EventStore(2 * SEGMENT);
  const refusals = new Filtered(store, { ...NO_FILTER, errno: 'any' });
  for (let i = 0; i <= 2 * SEGMENT; i++)
    store.append({ time: i, call: 'ioctl', ...(i % 2 === 0 && { errno: 'EINVAL' }) });
  refusals.update();
  expect(refusals.length).toBe(SEGMENT / 2 + 1);
  expect(refusals.at(0)).toBe(SEGMENT);
});
