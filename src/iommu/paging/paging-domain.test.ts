import { describe, expect, test } from 'vitest';
import { CpuCaches } from '../../memory/cpu-caches.js';
import { Mm } from '../../memory/mm.js';
import { SimulatedMemory } from '../../memory/simulated-memory.js';
import { DMA_FAULT, type Hit } from '../domain.js';
import { DirtyBitmap } from './dirty-bitmap.js';
import { NestedDomain } from './nested-domain.js';
import { MAP_READ, MAP_WRITE, MAX_OWNERS, PagingDomain } from './paging-domain.js';

const who = { name: 'vfio1' };
const newHit = (): Hit => ({ target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 });
const process = () => new Mm(new SimulatedMemory());

describe('a paging domain', () => {
  test('translates a page of a mapping by its offset, and tells how many follow', () => {
    const domain = new PagingDomain<Mm>();
    const mm = process();
    domain.insert(100, 8, mm, 500, MAP_READ);
    const hit = newHit();
    expect(domain.translate(103, false, hit, who)).toBe(DMA_FAULT.NONE);
    expect([hit.target, hit.page, hit.pages, hit.dirtyPage]).toEqual([mm, 503, 5, 103]);
    expect([domain.translate(99, false, hit, who), domain.translate(108, false, hit, who)]).toEqual([
      DMA_FAULT.NOT_MAPPED,
      DMA_FAULT.NOT_MAPPED,
    ]);
  });

  test.each([
    [MAP_READ, DMA_FAULT.NONE, DMA_FAULT.NO_PERMISSION],
    [MAP_WRITE, DMA_FAULT.NO_PERMISSION, DMA_FAULT.NONE],
    [MAP_READ | MAP_WRITE, DMA_FAULT.NONE, DMA_FAULT.NONE],
  ])('with flags %i lets devices do what they say', (flags, read, write) => {
    const domain = new PagingDomain<Mm>();
    domain.insert(0, 1, process(), 0, flags);
    expect([domain.translate(0, false, newHit(), who), domain.translate(0, true, newHit(), who)]).toEqual([
      read,
      write,
    ]);
  });

  test('maps the memory of many processes, each its own; one that is gone makes room for another', () => {
    const domain = new PagingDomain<Mm>();
    const all = Array.from({ length: MAX_OWNERS }, process);
    for (const [i, mm] of all.entries()) expect(domain.insert(i, 1, mm, i, MAP_READ)).toBe(true);
    expect(domain.insert(MAX_OWNERS, 1, process(), 0, MAP_READ)).toBe(false);
    const hit = newHit();
    domain.translate(77, false, hit, who);
    expect(hit.target).toBe(all[77]);
    domain.map.seek(5);
    domain.remove();
    const late = process();
    expect(domain.insert(MAX_OWNERS, 1, late, 0, MAP_READ)).toBe(true);
    domain.translate(MAX_OWNERS, false, hit, who);
    expect(hit.target).toBe(late);
  });

  test('forgets what was dirty in a mapping that goes', () => {
    const domain = new PagingDomain<Mm>();
    domain.dirty = new DirtyBitmap();
    domain.insert(0, 2, process(), 0, MAP_WRITE);
    domain.dirty.mark(1, 1);
    domain.map.seek(0);
    domain.remove();
    const seen: number[] = [];
    domain.dirty.forEach(0, 10, (page) => seen.push(page));
    expect(seen).toEqual([]);
  });

  test('lets the caches follow what is mapped, what comes and what goes, while somebody passes by them', () => {
    const memory = new SimulatedMemory();
    const mm = new Mm(memory);
    const caches = new CpuCaches(true);
    const first = memory.mmap(2 * 4096);
    const page = Number(first / 4096n);
    const domain = new PagingDomain<Mm>();
    let value = 0;
    const visible = (at: number): boolean => {
      const address = first + BigInt(at * 4096);
      // Another value each time: a store of what is there already leaves a line clean.
      memory.write(address, new Uint8Array([++value]));
      caches.flush();
      caches.transfer(mm, address, new Uint8Array([++value]), true, false, 'vfio0', 0n);
      const seen = new Uint8Array(1);
      memory.read(address, seen);
      return seen[0] === value;
    };
    domain.insert(0, 1, mm, page, MAP_WRITE);
    domain.follow(caches, 1);
    domain.follow(caches, 1);
    domain.insert(1, 1, mm, page + 1, MAP_WRITE);
    expect([visible(0), visible(1)]).toEqual([false, false]);
    domain.map.seek(0);
    domain.remove();
    expect([visible(0), visible(1)]).toEqual([true, false]);
    domain.follow(caches, -1);
    expect(visible(1)).toBe(false);
    domain.follow(caches, -1);
    expect(visible(1)).toBe(true);
  });
});

describe('a nested domain', () => {
  test('goes through its parent as it is now, and gives no more pages than both have', () => {
    const parent = new PagingDomain<Mm>();
    const child = new NestedDomain<Mm>({
      enforceSnoop: true,
      translate: (page, write, hit, source) => parent.translate(page, write, hit, source),
    });
    const mm = process();
    parent.insert(10, 4, mm, 500, MAP_READ | MAP_WRITE);
    child.insert(0, 8, mm, 12, MAP_READ);
    const hit = newHit();
    expect(child.translate(0, false, hit, who)).toBe(DMA_FAULT.NONE);
    expect([hit.page, hit.pages]).toEqual([502, 2]);
    expect(child.translate(2, false, hit, who)).toBe(DMA_FAULT.NOT_MAPPED);
    expect(child.translate(0, true, hit, who)).toBe(DMA_FAULT.NO_PERMISSION);
    parent.map.seek(10);
    parent.remove();
    expect(child.translate(0, false, hit, who)).toBe(DMA_FAULT.NOT_MAPPED);
  });
});
