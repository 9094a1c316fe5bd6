import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pinsOf } from '../../test/mapped-memory.js';
import { refused } from '../../test/refused.js';
import { NOBODY, type UserAccount } from '../memory/account.js';
import { injectFailures } from '../memory/allocation.js';
import { Mm } from '../memory/mm.js';
import { SimulatedMemory } from '../memory/simulated-memory.js';
import { UserPages } from './page-source.js';
import { SharedPages } from './shared-pages.js';

const PAGES = 24;

/** A process with pages, a pages object over them, and how often each page is pinned. */
function setup(options: { limit?: bigint } = {}) {
  const memory = new SimulatedMemory(options.limit);
  const mm = new Mm(memory);
  const base = memory.mmap(PAGES * 4096);
  const user: UserAccount = { uid: 1000, lockedPages: 0 };
  const pages = new SharedPages(new UserPages(mm, base), true, { mm, user, mode: 'user' });
  const pins = (): number[] => Array.from({ length: PAGES }, (_, page) => pinsOf(memory, base + BigInt(page) * 4096n));
  return { memory, mm, base, user, pages, pins };
}

describe('a pages object (linux-iommufd.md, 7)', () => {
  test('pins and charges each page once, as long as anybody holds it', () => {
    const range = fc.tuple(fc.nat(PAGES - 1), fc.nat(PAGES - 1)).map(([a, b]) => ({
      first: Math.min(a, b),
      last: Math.max(a, b),
    }));
    fc.assert(
      fc.property(fc.array(fc.record({ range, drop: fc.boolean() }), { maxLength: 60 }), (steps) => {
        const { mm, user, pages, pins } = setup();
        const held: { first: number; last: number }[] = [];
        const model = new Array<number>(PAGES).fill(0);
        for (const { range: wanted, drop } of steps) {
          const gone = drop ? held.splice(wanted.first % Math.max(1, held.length), 1)[0] : undefined;
          const { first, last } = gone ?? wanted;
          if (gone) pages.drop(first, last);
          else {
            pages.hold(first, last);
            held.push(wanted);
          }
          for (let page = first; page <= last; page++) model[page] = (model[page] ?? 0) + (gone ? -1 : 1);
          const pinned = model.filter((count) => count > 0).length;
          expect([pages.pinnedPages, user.lockedPages, mm.pinnedPages]).toEqual([pinned, pinned, pinned]);
          expect(pins()).toEqual(model.map((count) => Math.min(count, 1)));
          for (let page = 0; page < PAGES; page++) {
            expect(pages.segment(page)?.holders ?? 0).toBe(model[page]);
          }
        }
        for (const { first, last } of held) pages.drop(first, last);
        expect([pages.pinnedPages, user.lockedPages, mm.pinnedPages, pins().some((count) => count > 0)]).toEqual([
          ...[0, 0, 0],
          false,
        ]);
      }),
      { numRuns: 60 },
    );
  });

  test('over RLIMIT_MEMLOCK nothing is pinned or charged: ENOMEM', () => {
    const { user, pages, pins } = setup({ limit: 4n * 4096n });
    pages.hold(0, 2);
    const before = pins();
    expect(refused(() => pages.hold(1, 5))).toBe('ENOMEM');
    expect([pages.pinnedPages, user.lockedPages, pins()]).toEqual([3, 3, before]);
    // One page more is within the limit: those that are held already are charged once.
    expect(refused(() => pages.hold(0, 3))).toBe('ok');
  });

  test('a page that is not there refuses the whole range: EFAULT', () => {
    const { memory, base, pages, pins } = setup();
    memory.munmap(base + 5n * 4096n, 4096n);
    expect(refused(() => pages.hold(2, 8))).toBe('EFAULT');
    expect([pages.pinnedPages, pins().some((count) => count > 0)]).toEqual([0, false]);
    expect(refused(() => pages.hold(2, 4))).toBe('ok');
  });

  test('each allocation that fails leaves it as it was', () => {
    const { user, pages, pins } = setup();
    pages.hold(3, 4);
    pages.hold(8, 9);
    const before = [pages.pinnedPages, user.lockedPages, pins()];
    let failures = 0;
    for (let n = 1; ; n++) {
      let passed = 0;
      injectFailures(() => ++passed === n);
      const answer = refused(() => pages.hold(0, 12));
      injectFailures(undefined);
      if (answer === 'ok') break;
      failures++;
      expect([pages.pinnedPages, user.lockedPages, pins()]).toEqual(before);
    }
    // One a hole: before 3, between, behind 9.
    expect(failures).toBe(3);
  });

  test('memory that its exporter took back has no frames, and is not let go twice', () => {
    const { pages } = setup();
    pages.hold(0, 3);
    pages.revoke();
    expect([pages.frames(0, 3), pages.segment(1)]).toEqual([[], undefined]);
    pages.drop(0, 3);
    pages.hold(0, 1);
    expect(pages.segment(0)).toBeUndefined();
  });

  test('the source is closed with the last area', () => {
    let closed = 0;
    const { mm, base } = setup();
    const source = new UserPages(mm, base);
    source.close = () => {
      closed++;
    };
    const pages = new SharedPages(source, false, { mm, user: NOBODY, mode: 'none' });
    pages.get();
    pages.get();
    pages.put();
    expect(closed).toBe(0);
    pages.put();
    expect(closed).toBe(1);
  });
});
