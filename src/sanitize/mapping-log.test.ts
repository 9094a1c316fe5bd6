import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MappingEvent, MappingLog } from './mapping-log.js';

const event: fc.Arbitrary<MappingEvent> = fc
  .record({
    kind: fc.constantFrom('map', 'unmap'),
    id: fc.option(fc.nat(2), { nil: undefined }),
    file: fc.constantFrom('/dev/iommu', '/dev/ioasid'),
    start: fc.bigInt({ min: 0n, max: 40n }),
    size: fc.bigInt({ min: 1n, max: 8n }),
    pid: fc.nat(1000),
  })
  .map(({ size, start, ...more }) => ({
    ...more,
    ...{ start, last: start + size - 1n, name: 'IOMMU_IOAS_MAP', position: { object: 'driver', offset: start } },
  }));

/** Fills a log. */
function logOf(events: readonly MappingEvent[]): MappingLog {
  const log = new MappingLog();
  for (const each of events) log.add(each);
  return log;
}

test('the history of an address is the latest entries that concern it, as they were added, oldest first', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30 }),
      fc.bigInt({ min: 0n, max: 50n }),
      fc.integer({ min: 1, max: 5 }),
      (events, iova, most) => {
        const concerned = events.filter(({ start, last }) => start <= iova && iova <= last);
        expect(logOf(events).about(iova, most)).toEqual(concerned.slice(-most));
      },
    ),
    { numRuns: 50 },
  );
});

test('the mapping before an address is the latest that ends below it and was not unmapped since', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.bigInt({ min: 0n, max: 50n }), (events, iova) => {
      const stands = events.filter(
        (one, i) =>
          one.kind === 'map' &&
          one.last < iova &&
          !events
            .slice(i + 1)
            .some(
              ({ kind, file, id, start, last }) =>
                kind === 'unmap' && file === one.file && id === one.id && start <= one.last && last >= one.start,
            ),
      );
      expect(logOf(events).before(iova)).toEqual(stands.at(-1));
    }),
    { numRuns: 50 },
  );
});

test('the oldest entries are forgotten: 65536 are kept', () => {
  const log = new MappingLog();
  const [one] = fc.sample(event, 1);
  if (!one) throw new Error('no sample');
  for (let i = 0n; i <= 65536n; i++) log.add({ ...one, kind: 'map', start: i, last: i });
  expect([log.about(0n, 1), log.about(1n, 1).length, log.about(65536n, 1).length]).toEqual([[], 1, 1]);
});
