import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { countFrames, firstDifference } from './backing.js';
import { SimulatedFile } from './ram.js';
import { SimulatedMemory } from './simulated-memory.js';

const PAGE = 4096n;
const load = (memory: SimulatedMemory, address: bigint, size = 1): number[] => {
  const bytes = new Uint8Array(size);
  return [...bytes.subarray(0, memory.read(address, bytes))];
};
const store = (memory: SimulatedMemory, address: bigint, ...bytes: number[]) =>
  memory.write(address, new Uint8Array(bytes));

describe('memory of a simulated process', () => {
  test('reads zero until it is written, and ends where an area ends', () => {
    const memory = new SimulatedMemory();
    const at = memory.mmap(PAGE);
    expect([load(memory, at + PAGE - 2n, 4), store(memory, at + PAGE - 2n, 1, 2, 3)]).toEqual([[0, 0], 2]);
    expect(load(memory, at + PAGE - 2n, 2)).toEqual([1, 2]);
    expect(load(memory, 0n)).toEqual([]);
  });

  test('leaves a page free between two areas', () => {
    const memory = new SimulatedMemory();
    expect(memory.mmap(1) + 2n * PAGE).toBe(memory.mmap(1));
  });

  test('that is not writable is read, not written, and not pinned for writing', () => {
    const memory = new SimulatedMemory();
    const at = memory.mmap(PAGE, { writable: false });
    expect([store(memory, at, 1), load(memory, at)]).toEqual([0, [0]]);
    expect([memory.unpinnable(at, PAGE, false), memory.unpinnable(at, PAGE, true)]).toEqual([undefined, at]);
    expect([countFrames(memory.frames(at, 1, false)), countFrames(memory.frames(at, 1, true))]).toEqual([1, 0]);
  });

  test('is a copy after fork, but for what is shared', () => {
    const memory = new SimulatedMemory();
    const [own, shared] = [memory.mmap(PAGE), memory.mmap(PAGE, { shared: true })];
    store(memory, own, 1);
    const child = memory.fork();
    store(child, own, 2);
    store(child, shared, 3);
    expect([load(memory, own), load(child, own), load(memory, shared)]).toEqual([[1], [2], [3]]);
    const difference = (at: bigint) => firstDifference(memory.frames(at, 1, false), child.frames(at, 1, false));
    expect([difference(own), difference(shared)]).toEqual([0, undefined]);
  });

  test('of a file shows its pages at any address, and has no frames beyond its end', () => {
    const [memory, file] = [new SimulatedMemory(), new SimulatedFile(3 * 4096)];
    const all = memory.mmap(3n * PAGE, { shared: file });
    const second = memory.mmap(PAGE, { shared: file, filePage: 1 });
    store(memory, second, 7);
    expect(load(memory, all + PAGE)).toEqual([7]);
    expect(firstDifference(memory.frames(second, 1, true), file.frames(1, 1))).toBeUndefined();
    expect([refused(() => file.frames(2, 1)), refused(() => file.frames(2, 2))]).toEqual(['ok', 'EINVAL']);
  });

  test('that is pinned outlives its unmapping and its process', () => {
    const memory = new SimulatedMemory();
    const at = memory.mmap(PAGE);
    store(memory, at, 9);
    const [run] = memory.frames(at, 1, false);
    if (!run) throw new Error('no frame');
    run.backing.pin(run.frame, 1);
    memory.end();
    const seen = new Uint8Array(1);
    const address = BigInt(run.frame) * PAGE;
    run.backing.memory.read(address, seen);
    expect([seen[0], load(memory, at)]).toEqual([9, []]);
    run.backing.unpin(run.frame, 1);
    run.backing.memory.read(address, seen);
    expect(seen[0]).toBe(0);
  });

  test('agrees with an array of pages through any mapping and unmapping', () => {
    const step = fc.record({
      map: fc.boolean(),
      page: fc.nat(15),
      pages: fc.integer({ min: 1, max: 5 }),
      byte: fc.nat(255),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const memory = new SimulatedMemory();
        const base = 0x10_0000n;
        const model = new Array<number | undefined>(24).fill(undefined);
        for (const { map, page, pages, byte } of steps) {
          const at = base + BigInt(page) * PAGE;
          const size = BigInt(pages) * PAGE;
          if (map) memory.mmap(size, { at });
          else memory.munmap(at, size);
          model.fill(map ? 0 : undefined, page, page + pages);
          if (store(memory, at, byte) === 1) model[page] = byte;
          for (const [i, value] of model.entries()) {
            expect(load(memory, base + BigInt(i) * PAGE)).toEqual(value === undefined ? [] : [value]);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
