import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Mm } from '../../memory/mm.js';
import { SimulatedMemory } from '../../memory/simulated-memory.js';
import { DMA_FAULT, type Domain, type Hit } from '../domain.js';
import { MAP_READ, MAP_WRITE, PagingDomain } from '../paging/paging-domain.js';
import { UserTable } from './user-table.js';

const [ONE, TWO] = [{ name: 'vfio1' }, { name: 'vfio2' }];
const TABLE = 7n;
/** Pages of the parent: PASID table, four levels for each of two tables, and data from 16 on. */
const PASIDS = 0;
const ROOTS = [4, 8] as const;
const DATA = 16;

/** Tables in the memory of a process; the parent maps it one to one, from page 0 on. */
function setup(pasidBits?: number) {
  const memory = new SimulatedMemory();
  let reads = 0;
  const counted = memory.read.bind(memory);
  memory.read = (at, into) => {
    reads++;
    return counted(at, into);
  };
  const parent = new PagingDomain<Mm>();
  const address = memory.mmap(64 * 4096);
  parent.insert(0, 64, new Mm(memory), Number(address >> 12n), MAP_READ | MAP_WRITE);
  const put = (page: number, index: number, value: bigint): void => {
    memory.write(address + BigInt(page * 4096 + index * 8), new Uint8Array(new BigUint64Array([value]).buffer));
  };
  for (const root of ROOTS)
    for (let level = 3; level > 0; level--) put(root + 3 - level, 0, BigInt(root + 4 - level) * 4096n + TABLE);
  /** Entry of a page in a table's last level. */
  const leaf = (table: 0 | 1, page: number, target: number, bits = TABLE): void =>
    put(ROOTS[table] + 3, page, BigInt(target) * 4096n + bits);
  const domain: Domain = {
    enforceSnoop: true,
    get changes() {
      return parent.changes;
    },
    translate: (page, write, hit, who) => parent.translate(page, write, hit, who),
  };
  const table = new UserTable(domain, {
    address: BigInt(pasidBits === undefined ? ROOTS[0] : PASIDS) * 4096n,
    ...{ levels: 4, addressWidth: 48, pasidBits },
  });
  const hit: Hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };
  const base = Number(address >> 12n);
  /** The page of the parent that a request reaches, or why it reaches none. */
  const reach = (page: number, { write = false, who = ONE, pasid = 0 } = {}): number | string => {
    const fault = table.translate(page, write, hit, who, pasid);
    return fault === DMA_FAULT.NONE ? hit.page - base : fault;
  };
  /** The parent gives the tables' memory up and takes it again. */
  const mapAgain = (): void => {
    parent.map.seek(0);
    const owner = parent.owner();
    parent.remove();
    parent.insert(0, 64, owner, base, MAP_READ | MAP_WRITE);
  };
  return { table, put, leaf, reach, parent, hit, mapAgain, reads: () => reads };
}

describe('a user’s page table', () => {
  test('translates through the parent, whose end is the end', () => {
    const { leaf, reach } = setup();
    leaf(0, 5, DATA);
    leaf(0, 6, 1000);
    expect([reach(5), reach(6), reach(7)]).toEqual([DATA, DMA_FAULT.NOT_MAPPED, DMA_FAULT.NOT_MAPPED]);
  });

  test('translates no address beyond its width', () => {
    const { leaf, reach } = setup();
    leaf(0, 5, DATA);
    expect(reach(5 + 2 ** 36)).toBe(DMA_FAULT.NOT_MAPPED);
  });

  test('is walked from the lowest table that was met, until an invalidation of one of its pages', () => {
    const { leaf, put, reach, table } = setup();
    leaf(0, 5, DATA);
    reach(5);
    // The other table's last level takes the place of the first one's.
    put(ROOTS[0] + 2, 0, BigInt(ROOTS[1] + 3) * 4096n + TABLE);
    leaf(0, 6, DATA + 1);
    leaf(1, 6, DATA + 2);
    leaf(1, 7, DATA + 3);
    expect([reach(6), reach(6, { who: TWO })]).toEqual([DATA + 1, DATA + 2]);
    table.invalidate(ONE, undefined, { first: 512, last: 1023 });
    expect(reach(7)).toBe(DMA_FAULT.NOT_MAPPED);
    table.invalidate(ONE, undefined, { first: 500, last: 600 });
    expect([reach(7), reach(6)]).toEqual([DATA + 3, DATA + 1]);
    table.invalidate(ONE, undefined, { first: 6, last: 6 });
    expect(reach(6)).toBe(DATA + 2);
  });

  test('is remembered: a change is certain after an invalidation only', () => {
    const { leaf, reach, table } = setup();
    leaf(0, 5, DATA);
    reach(5);
    leaf(0, 5, DATA + 1);
    expect(reach(5)).toBe(DATA);
    table.invalidate(undefined, undefined, { first: 6, last: 9 });
    expect(reach(5)).toBe(DATA);
    table.invalidate(undefined, undefined, { first: 5, last: 5 });
    expect(reach(5)).toBe(DATA + 1);
  });

  test('what is not present is not remembered', () => {
    const { leaf, reach } = setup();
    expect(reach(5)).toBe(DMA_FAULT.NOT_MAPPED);
    leaf(0, 5, DATA);
    expect(reach(5)).toBe(DATA);
  });

  test('a permission that was granted later is certain after an invalidation only', () => {
    const { leaf, reach, table } = setup();
    leaf(0, 5, DATA, 5n);
    reach(5);
    leaf(0, 5, DATA, TABLE);
    expect(reach(5, { write: true })).toBe(DMA_FAULT.NO_PERMISSION);
    table.invalidate(undefined, undefined);
    expect(reach(5, { write: true })).toBe(DATA);
  });

  test('the first write after reads walks again, so that the dirty bit is set', () => {
    const { leaf, reach, put } = setup();
    leaf(0, 5, DATA);
    reach(5);
    // Were it not walked, the present entry would still be remembered.
    put(ROOTS[0] + 3, 5, 0n);
    expect(reach(5, { write: true })).toBe(DMA_FAULT.NOT_MAPPED);
  });

  test('what lies behind the first level is the parent as it is now', () => {
    const { leaf, reach, parent } = setup();
    leaf(0, 5, DATA);
    reach(5);
    parent.map.seek(0);
    parent.remove();
    expect(reach(5)).toBe(DMA_FAULT.NOT_MAPPED);
  });

  test('is remembered for each requester apart: one is invalidated, or forgotten, alone', () => {
    const { leaf, reach, table } = setup();
    leaf(0, 5, DATA);
    for (const who of [ONE, TWO]) reach(5, { who });
    leaf(0, 5, DATA + 1);
    table.invalidate(ONE, undefined);
    expect([reach(5, { who: ONE }), reach(5, { who: TWO })]).toEqual([DATA + 1, DATA]);
    table.forget(TWO);
    expect(reach(5, { who: TWO })).toBe(DATA + 1);
  });

  test('a large leaf gives as many pages as are left in it, and no more than the parent has', () => {
    const { put, table, hit } = setup();
    put(ROOTS[0] + 2, 0, 0n * 4096n + TABLE + 128n);
    expect(table.translate(60, false, hit, ONE, 0)).toBe(DMA_FAULT.NONE);
    expect(hit.pages).toBe(4);
  });
});

describe('what is remembered of tables', () => {
  const ACCESSED = TABLE | 32n;

  test('a table whose pages are used again and again is read once', () => {
    const { leaf, reach, reads } = setup();
    for (let page = 0; page < 512; page++) leaf(0, page, DATA + (page % 8), ACCESSED);
    const before = reads();
    for (let page = 0; page < 512; page++) expect(reach(page)).toBe(DATA + (page % 8));
    // Four levels, twice where a bit is set; then the table.
    expect(reads() - before).toBeLessThanOrEqual(9);
  });

  test('what is not present, not marked as accessed, or for a write not as dirty, is read when it is asked for', () => {
    const { leaf, reach } = setup();
    for (const page of [5, 6, 7]) leaf(0, page, DATA, page === 7 ? ACCESSED : TABLE);
    // The second use of a table reads it whole.
    expect([reach(5), reach(6), reach(8)]).toEqual([DATA, DATA, DMA_FAULT.NOT_MAPPED]);
    leaf(0, 8, DATA + 1);
    leaf(0, 7, DATA + 2, ACCESSED);
    expect([reach(8), reach(7, { write: true })]).toEqual([DATA + 1, DATA + 2]);
  });

  test('what the kernel unmaps under a table is forgotten: the table is read anew', () => {
    const { leaf, reach, mapAgain } = setup();
    for (const page of [5, 6, 7]) leaf(0, page, DATA, ACCESSED);
    expect([reach(5), reach(6)]).toEqual([DATA, DATA]);
    leaf(0, 7, DATA + 1, ACCESSED);
    mapAgain();
    expect(reach(7)).toBe(DATA + 1);
  });

  /** One change of the tables, one invalidation, or one request. */
  const step = fc.oneof(
    fc.record({
      do: fc.constant('leaf' as const),
      table: fc.constantFrom(0 as const, 1 as const),
      page: fc.nat(3),
      target: fc.nat(5),
    }),
    fc.record({ do: fc.constant('table' as const), table: fc.constantFrom(undefined, 0 as const, 1 as const) }),
    fc.record({ do: fc.constant('invalidate' as const), first: fc.nat(3), more: fc.nat(3) }),
    fc.record({ do: fc.constant('reach' as const), page: fc.nat(3), write: fc.boolean() }),
    fc.record({ do: fc.constant('reach' as const), page: fc.nat(3), write: fc.boolean() }),
  );

  test('a change without invalidation may be seen or not; after an invalidation it must be', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, marked) => {
        const { leaf, put, reach, table } = setup();
        const bits = marked ? ACCESSED | 64n : TABLE;
        /** For each page, what its entries are, or were since its last invalidation: what hardware may go by. */
        const tables = [...Array(4)].map(() => new Set<0 | 1 | undefined>([0]));
        const leaves = [0, 1].map(() => [...Array(4)].map(() => new Set<number>([0])));
        const now: { table: 0 | 1 | undefined; leaves: number[][] } = {
          table: 0,
          leaves: [Array(4).fill(0), Array(4).fill(0)],
        };
        for (const each of steps) {
          if (each.do === 'leaf') {
            const { target, page } = each;
            if (target === 0) put(ROOTS[each.table] + 3, page, 0n);
            else leaf(each.table, page, DATA + target, bits);
            (now.leaves[each.table] as number[])[page] = target;
            leaves[each.table]?.[page]?.add(target);
          } else if (each.do === 'table') {
            put(ROOTS[0] + 2, 0, each.table === undefined ? 0n : BigInt(ROOTS[each.table] + 3) * 4096n + bits);
            now.table = each.table;
            for (const known of tables) known.add(each.table);
          } else if (each.do === 'invalidate') {
            table.invalidate(undefined, undefined, { first: each.first, last: each.first + each.more });
            for (let page = each.first; page <= Math.min(each.first + each.more, 3); page++) {
              tables[page] = new Set([now.table]);
              for (const of of [0, 1] as const)
                (leaves[of] as Set<number>[])[page] = new Set([now.leaves[of]?.[page] as number]);
            }
          } else {
            const { page } = each;
            const allowed = new Set<number | string>();
            // What is not present is never remembered: it is an answer only where it is so now.
            if (now.table === undefined) allowed.add(DMA_FAULT.NOT_MAPPED);
            for (const of of tables[page] as Set<0 | 1 | undefined>) {
              if (of === undefined) continue;
              for (const target of leaves[of]?.[page] ?? []) if (target > 0) allowed.add(DATA + target);
              if (now.leaves[of]?.[page] === 0) allowed.add(DMA_FAULT.NOT_MAPPED);
            }
            expect([...allowed]).toContain(reach(page, { write: each.write }));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a PASID table', () => {
  test('selects a table by PASID; one without an entry, or beyond the end, reaches nothing', () => {
    const { put, leaf, reach } = setup(4);
    put(PASIDS, 1, BigInt(ROOTS[0]) * 4096n + 1n);
    put(PASIDS, 2, BigInt(ROOTS[1]) * 4096n + 1n);
    leaf(0, 5, DATA);
    leaf(1, 5, DATA + 1);
    expect([1, 2, 3, 16].map((pasid) => reach(5, { pasid }))).toEqual([
      DATA,
      DATA + 1,
      DMA_FAULT.NOT_MAPPED,
      DMA_FAULT.NOT_MAPPED,
    ]);
  });

  test('with a reserved bit set in an entry is malformed: each of 1 to 11 and 52 to 63', () => {
    for (const bit of [...Array(11).keys()].map((i) => i + 1).concat([...Array(12).keys()].map((i) => i + 52))) {
      const { put, leaf, reach } = setup(4);
      put(PASIDS, 1, BigInt(ROOTS[0]) * 4096n + 1n + (1n << BigInt(bit)));
      leaf(0, 5, DATA);
      expect([bit, reach(5, { pasid: 1 })]).toEqual([bit, DMA_FAULT.ABORTED]);
    }
  });

  test('an invalidation of one PASID leaves the others', () => {
    const { put, leaf, reach, table } = setup(4);
    for (const pasid of [1, 2]) put(PASIDS, pasid, BigInt(ROOTS[0]) * 4096n + 1n);
    leaf(0, 5, DATA);
    for (const pasid of [1, 2]) reach(5, { pasid });
    leaf(0, 5, DATA + 1);
    table.invalidate(undefined, 1);
    expect([reach(5, { pasid: 1 }), reach(5, { pasid: 2 })]).toEqual([DATA + 1, DATA]);
  });
});
