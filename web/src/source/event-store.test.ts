import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TraceEvent } from '../../../src/trace/json.js';
import { EventStore, SEGMENT } from './event-store.js';

const event: fc.Arbitrary<TraceEvent> = fc.record(
  {
    time: fc.nat(),
    pid: fc.integer({ min: 1, max: 2 ** 31 }),
    fd: fc.nat(1000),
    call: fc.constantFrom('ioctl', 'openat', 'note'),
    file: fc.string({ minLength: 1 }),
    errno: fc.constantFrom('EINVAL', 'ENXIO'),
    reason: fc.string(),
    result: fc.integer(),
    args: fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string())),
  },
  { requiredKeys: ['time', 'call'] },
);

test('an event comes back as it went in', () => {
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const store = new EventStore();
      const named = events.map((each) => (each.call === 'ioctl' ? { ...each, ioctl: 'IOASID_ALLOC' } : each));
      for (const each of named) store.append(each);
      // As JSON: a prototype is nothing of an event's.
      const back = named.map((_, i) => store.at(i));
      expect(JSON.parse(JSON.stringify(back))).toEqual(JSON.parse(JSON.stringify(named)));
    }),
  );
});

test('the oldest events go when there are too many, and the gap says how many', () => {
  const store = new EventStore(2 * SEGMENT);
  store.miss(2);
  store.miss(3);
  store.append({ time: 0, call: 'note' });
  for (let i = 1; i <= 2 * SEGMENT; i++) store.append({ time: i, call: 'openat', result: i });
  expect(store.first).toBe(SEGMENT);
  expect(store.end).toBe(2 * SEGMENT + 1);
  expect(store.gaps).toEqual([{ before: SEGMENT, lost: SEGMENT + 5 }]);
  expect(store.at(2 * SEGMENT).result).toBe(2 * SEGMENT);
  expect(() => store.at(0)).toThrow(RangeError);
  expect(store.find(SEGMENT + 7)).toBe(SEGMENT + 7);
});
