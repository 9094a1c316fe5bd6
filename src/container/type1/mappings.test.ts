import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mm } from '../../memory/mm.js';
import { SimulatedMemory } from '../../memory/simulated-memory.js';
import { type DmaMapping, lastPage, Mappings } from './mappings.js';

const mm = new Mm(new SimulatedMemory());
const mapping = (first: number, pages: number): DmaMapping => ({
  ...{ first, pages, read: true, write: true, vaddr: 0n, vaddrInvalid: false, mm, runs: [], charged: pages },
});
const place = fc.record({ first: fc.nat(120), pages: fc.integer({ min: 1, max: 6 }), take: fc.boolean() });

test('the mappings of a container are found as in a list that is searched from its start', () => {
  fc.assert(
    fc.property(fc.array(place, { maxLength: 80 }), (places) => {
      const mappings = new Mappings();
      let list: DmaMapping[] = [];
      for (const { first, pages, take } of places) {
        const last = first + pages - 1;
        const touched = list.filter((each) => each.first <= last && lastPage(each) >= first);
        expect(mappings.all(first, last)).toEqual(touched);
        expect(mappings.touching(first, last)).toBe(touched[0]);
        if (take) {
          mappings.remove(touched);
          list = list.filter((each) => !touched.includes(each));
        } else if (touched.length === 0) {
          const made = mapping(first, pages);
          mappings.add(made);
          list = [...list, made].sort((a, b) => a.first - b.first);
        }
        expect([...mappings]).toEqual(list);
        expect(mappings.count).toBe(list.length);
      }
    }),
  );
});
