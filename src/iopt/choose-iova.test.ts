import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { NOBODY } from '../memory/account.js';
import { RangeTree } from '../memory/intervals/range-tree.js';
import { Mm } from '../memory/mm.js';
import { SimulatedMemory } from '../memory/simulated-memory.js';
import { Area } from './area.js';
import { chooseIova, wish } from './choose-iova.js';
import { UserPages } from './page-source.js';
import { SharedPages } from './shared-pages.js';

const PAGE = 4096n;
const TOP = (1n << 64n) - 1n;
const ALL = [{ start: PAGE, last: TOP - PAGE }];
const mm = new Mm(new SimulatedMemory());
const pages = new SharedPages(new UserPages(mm, 0n), true, { mm, user: NOBODY, mode: 'none' });

function areas(...starts: bigint[]): RangeTree<Area> {
  const tree = new RangeTree<Area>();
  for (const start of starts) tree.insert(new Area(start, start + PAGE - 1n, pages, 0n, 1));
  return tree;
}

describe('what is wanted for a source (linux-iommufd.md, 4.1)', () => {
  test.each([
    ['a page', 0x7000n, PAGE, PAGE],
    ['two megabytes, aligned', 1n << 30n, 1n << 21n, 1n << 21n],
    ['more than that', 1n << 30n, 1n << 25n, 1n << 21n],
    ['a length between two powers', 1n << 30n, 3n * PAGE, 4n * PAGE],
    ['a source less aligned than long', 3n * PAGE, 16n * PAGE, PAGE],
  ])('%s', (_, source, length, alignment) => {
    expect(wish(source, length, 1n).alignment).toBe(alignment);
  });

  test('keeps the bytes into the source’s page', () => {
    expect(wish(0x5123n, 0x10n, 1n)).toEqual({ length: 0x10n, alignment: 1n, offset: 0x123n });
  });

  test('is EOVERFLOW for nothing and for half of the space, EINVAL for a source less aligned than the table', () => {
    expect(refused(() => wish(0n, 0n, 1n))).toBe('EOVERFLOW');
    expect(refused(() => wish(0n, TOP / 2n, 1n))).toBe('EOVERFLOW');
    expect(refused(() => wish(0x5800n, PAGE, PAGE))).toBe('EINVAL');
  });
});

describe('the choice of an address', () => {
  const page = wish(PAGE, PAGE, PAGE);

  test('is the lowest free one, never 0', () => {
    expect(chooseIova(page, ALL, [{ start: 0n, last: TOP }], areas(), 0n)).toBe(PAGE);
    expect(chooseIova(page, ALL, [{ start: 0n, last: TOP }], areas(PAGE, 2n * PAGE, 4n * PAGE), 0n)).toBe(3n * PAGE);
  });

  test('keeps to the allowed ranges and to what is not reserved', () => {
    const allowed = [
      { start: 0x10_0000n, last: 0x10_0fffn },
      { start: 0x20_0000n, last: 0x2f_ffffn },
    ];
    const holes = [{ start: 0x20_5000n, last: TOP }];
    expect(chooseIova(page, allowed, holes, areas(0x20_5000n), 0n)).toBe(0x20_6000n);
  });

  test('is ENOSPC where nothing fits', () => {
    const allowed = [{ start: PAGE, last: 3n * PAGE - 1n }];
    const all = [{ start: 0n, last: TOP }];
    expect(refused(() => chooseIova(wish(PAGE, 3n * PAGE, PAGE), allowed, all, areas(), 0n))).toBe('ENOSPC');
    expect(refused(() => chooseIova(page, allowed, all, areas(PAGE, 2n * PAGE), 0n))).toBe('ENOSPC');
    expect(refused(() => chooseIova(page, allowed, [], areas(), 0n))).toBe('ENOSPC');
  });

  test('fits: aligned, allowed, unreserved, touching no area; and nothing lower does', () => {
    const slots = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
    fc.assert(
      fc.property(slots, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 30 }), (taken, count, hole) => {
        const tree = areas(...taken.map((slot) => BigInt(slot) * PAGE));
        const holes = [{ start: BigInt(hole) * PAGE, last: 80n * PAGE - 1n }];
        const wanted = wish(1n << 40n, BigInt(count) * PAGE, PAGE);
        const step = Number(wanted.alignment / PAGE);
        const fits = (at: number): boolean =>
          at > 0 && at >= hole && at + count <= 80 && taken.every((slot) => slot < at || slot >= at + count);
        const lowest = Array.from({ length: 80 / step }, (_, i) => i * step).find(fits);
        const answer = refused(() =>
          expect(chooseIova(wanted, ALL, holes, tree, 0n)).toBe(BigInt(lowest ?? -1) * PAGE),
        );
        expect(answer).toBe(lowest === undefined ? 'ENOSPC' : 'ok');
      }),
    );
  });
});
