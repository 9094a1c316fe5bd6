import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIRTY, Iotlb, WRITABLE } from './iotlb.js';

const SIZES = [1, 512, 512 * 512] as const;
const size = fc.constantFrom(0 as const, 1 as const, 2 as const);
const page = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 2 ** 45 }));
const pasid = fc.integer({ min: 0, max: 2 ** 20 - 1 });
const entry = fc.record({
  page,
  pasid,
  size,
  target: fc.integer({ min: 0, max: 2 ** 40 }),
  flags: fc.constantFrom(0, 1, 3),
});
type Entry = { page: number; pasid: number; size: 0 | 1 | 2; target: number; flags: number };

const holds = (it: Entry, at: number, of: number): boolean =>
  it.pasid === of && Math.floor(at / SIZES[it.size]) === Math.floor(it.page / SIZES[it.size]);

function filled(entries: readonly Entry[]): Iotlb {
  const iotlb = new Iotlb();
  for (const it of entries) iotlb.insert(it.page, it.pasid, it.size, it.target, it.flags);
  return iotlb;
}

describe('laws of the IOTLB', () => {
  test('an empty one knows nothing, page 0 and PASID 0 least of all', () => {
    expect([new Iotlb().find(0, 0), new Iotlb().find(5, 7)]).toEqual([false, false]);
  });

  test('what is found was put in: its target by the offset in the leaf, the pages to the leaf’s end, its flags', () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), page, pasid, (entries, at, of) => {
        const iotlb = filled(entries);
        if (!iotlb.find(at, of)) return;
        const found = { page: iotlb.page, pages: iotlb.pages, flags: iotlb.flags };
        const good = entries
          .filter((it) => holds(it, at, of))
          .map(({ size: s, target, flags }) => {
            const offset = at % SIZES[s];
            return { page: target + offset, pages: SIZES[s] - offset, flags };
          });
        expect(good).toContainEqual(found);
      }),
    );
  });

  test('what was put in last is found, in every page of its leaf', () => {
    fc.assert(
      fc.property(entry, fc.nat(), (it, skip) => {
        const at = it.page - (it.page % SIZES[it.size]) + (skip % SIZES[it.size]);
        expect(filled([it]).find(at, it.pasid)).toBe(true);
      }),
    );
  });

  test('a PASID never sees what another put in', () => {
    fc.assert(
      fc.property(entry, pasid, (it, other) => {
        expect(filled([it]).find(it.page, other)).toBe(other === it.pasid);
      }),
    );
  });

  test('a leaf put in anew takes the place of the old one, permission and dirty bit too', () => {
    const iotlb = filled([
      { page: 9, pasid: 1, size: 0, target: 5, flags: WRITABLE | DIRTY },
      { page: 9, pasid: 1, size: 0, target: 6, flags: 0 },
    ]);
    expect([iotlb.find(9, 1), iotlb.page, iotlb.flags]).toEqual([true, 6, 0]);
  });

  test('after an invalidation nothing that touches the range is found, and what does not touch it stays', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { maxLength: 20 }),
        page,
        fc.integer({ min: 0, max: 600 }),
        fc.option(pasid, { nil: undefined }),
        (entries, first, more, of) => {
          const last = first + more;
          const [before, after] = [filled(entries), filled(entries)];
          after.invalidate(of, first, last);
          for (const it of entries) {
            const start = it.page - (it.page % SIZES[it.size]);
            const touches = start <= last && start + SIZES[it.size] - 1 >= first;
            const hit = (of === undefined || of === it.pasid) && touches;
            // A direct-mapped cache may have lost it before; nothing comes back.
            if (hit) expect(after.find(it.page, it.pasid) && covered(entries, it, first, last, of)).toBe(false);
            else if (
              before.find(it.page, it.pasid) &&
              !entries.some((other) => other !== it && holds(other, it.page, it.pasid))
            )
              expect(after.find(it.page, it.pasid)).toBe(true);
          }
        },
      ),
    );
  });

  test('an invalidation without bounds forgets all of a PASID, and no other', () => {
    const iotlb = filled([
      { page: 1, pasid: 1, size: 0, target: 1, flags: 0 },
      { page: 2 ** 44, pasid: 1, size: 2, target: 1, flags: 0 },
      { page: 1, pasid: 2, size: 0, target: 1, flags: 0 },
    ]);
    iotlb.invalidate(1);
    expect([iotlb.find(1, 1), iotlb.find(2 ** 44, 1), iotlb.find(1, 2)]).toEqual([false, false, true]);
    iotlb.invalidate(undefined);
    expect(iotlb.find(1, 2)).toBe(false);
  });
});

/** Every leaf that could answer for an entry touches the invalidated range. */
function covered(entries: readonly Entry[], it: Entry, first: number, last: number, of: number | undefined): boolean {
  return entries
    .filter((other) => holds(other, it.page, it.pasid))
    .every((other) => {
      const start = other.page - (other.page % SIZES[other.size]);
      return (of === undefined || of === other.pasid) && start <= last && start + SIZES[other.size] - 1 >= first;
    });
}
