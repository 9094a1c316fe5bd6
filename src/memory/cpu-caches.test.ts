import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CpuCaches, parseEviction } from './cpu-caches.js';
import { Mm } from './mm.js';
import { SimulatedMemory } from './simulated-memory.js';

const PAGE = 4096;

/** A process with some pages that a non-coherent device reaches by their addresses. */
function setup(pages = 1, caches = new CpuCaches(true)) {
  const memory = new SimulatedMemory();
  const mm = new Mm(memory);
  const address = memory.mmap(pages * PAGE);
  const page = Number(address / BigInt(PAGE));
  caches.track(mm, page, pages);
  const dma = (offset: number, bytes: Uint8Array, write: boolean, snooped = false) =>
    caches.transfer(mm, address + BigInt(offset), bytes, write, snooped, 'vfio0', BigInt(offset));
  return {
    ...{ caches, memory, mm, address, page, dma },
    store: (offset: number, ...bytes: number[]) => memory.write(address + BigInt(offset), new Uint8Array(bytes)),
    load: (offset: number, size = 1) => {
      const bytes = new Uint8Array(size);
      memory.read(address + BigInt(offset), bytes);
      return [...bytes];
    },
    deviceReads: (offset: number, size = 1, snooped = false) => {
      const bytes = new Uint8Array(size);
      dma(offset, bytes, false, snooped);
      return [...bytes];
    },
  };
}

describe('the modelled CPU caches: a no-snoop request', () => {
  it('reads what memory had before the store, until a flush writes the store back', () => {
    const it = setup();
    it.store(5, 7);
    expect(it.deviceReads(5)).toEqual([0]);
    it.caches.flush();
    expect(it.deviceReads(5)).toEqual([7]);
  });

  it('writes memory behind the caches: the CPU sees it after a flush', () => {
    const it = setup();
    it.dma(8, new Uint8Array([9]), true);
    expect(it.load(8)).toEqual([0]);
    it.caches.flush();
    expect(it.load(8)).toEqual([9]);
  });

  it('loses to a dirty line that is written back over it: whole lines of 64 bytes, and no other', () => {
    const it = setup();
    it.store(0, 1);
    it.dma(63, new Uint8Array([8, 8]), true);
    it.caches.flush();
    expect(it.load(63, 2)).toEqual([0, 8]);
  });

  it('is told as stale where a device read old bytes, with the first address that was wrong', () => {
    const it = setup();
    it.store(130, 1);
    it.deviceReads(128, 16);
    expect(it.caches.stale).toEqual([{ device: 'vfio0', kind: 'device-read', iova: 130n, address: it.address + 130n }]);
  });

  it('crosses pages, the followed and the others', () => {
    const it = setup(3);
    it.caches.untrack(it.mm, it.page + 1, 1);
    const all = new Uint8Array(3 * PAGE).fill(5);
    expect(it.dma(0, all, true)).toBe(3 * PAGE);
    expect([it.load(0)[0], it.load(PAGE)[0], it.load(2 * PAGE)[0]]).toEqual([0, 5, 0]);
  });

  it('stops where the memory ends', () => {
    const it = setup(1);
    expect(it.dma(PAGE - 2, new Uint8Array(4), true)).toBe(2);
  });
});

describe('the modelled CPU caches: a snooped request', () => {
  it('sees the stores, and is seen, at once', () => {
    const it = setup();
    it.store(0, 3);
    expect(it.deviceReads(0, 1, true)).toEqual([3]);
    it.dma(1, new Uint8Array([4]), true, true);
    expect(it.load(1)).toEqual([4]);
    expect(it.caches.staleCount).toBe(0);
  });
});

describe('which pages are followed', () => {
  it('none without the strict model', () => {
    const it = setup(1, new CpuCaches(false));
    it.dma(0, new Uint8Array([9]), true);
    expect(it.load(0)).toEqual([9]);
  });

  it('a page of two mappings until the second of them goes; then the CPU sees what devices wrote', () => {
    const it = setup();
    it.caches.track(it.mm, it.page, 1);
    it.dma(0, new Uint8Array([9]), true);
    it.caches.untrack(it.mm, it.page, 1);
    expect(it.load(0)).toEqual([0]);
    it.caches.untrack(it.mm, it.page, 1);
    expect(it.load(0)).toEqual([9]);
  });

  it('one frame, whichever way leads to it: two addresses, and the frame itself', () => {
    const it = setup();
    const other = new SimulatedMemory();
    const shared = it.memory.mmap(PAGE, { shared: true });
    const child = it.memory.fork();
    const [one, two] = [it.mm, new Mm(child)];
    const page = Number(shared / BigInt(PAGE));
    it.caches.track(one, page, 1);
    it.caches.track(two, page, 1);
    const [run] = child.frames(shared, 1, false);
    if (!run) throw new Error('no frame');
    it.caches.track(run.backing, run.frame, 1);
    it.caches.transfer(one, shared, new Uint8Array([6]), true, false, 'vfio0', 0n);
    const seen = new Uint8Array(1);
    it.caches.transfer(two, shared, seen, false, false, 'vfio1', 0n);
    expect([...seen]).toEqual([6]);
    it.caches.transfer(run.backing, BigInt(run.frame) * BigInt(PAGE), seen, false, false, 'vfio2', 0n);
    expect([...seen]).toEqual([6]);
    it.caches.untrack(one, page, 1);
    child.read(shared, seen);
    expect([...seen]).toEqual([0]);
    it.caches.untrack(two, page, 1);
    it.caches.untrack(run.backing, run.frame, 1);
    child.read(shared, seen);
    expect([...seen]).toEqual([6]);
    other.end();
  });

  it('private pages of two processes at one address are two', () => {
    const it = setup();
    const child = it.memory.fork();
    const mm = new Mm(child);
    it.caches.track(mm, it.page, 1);
    it.dma(0, new Uint8Array([6]), true);
    const seen = new Uint8Array(1);
    it.caches.transfer(mm, it.address, seen, false, false, 'vfio1', 0n);
    expect([...seen]).toEqual([0]);
  });

  it('what is followed anew begins with what the CPU has', () => {
    const it = setup();
    it.store(0, 2);
    it.caches.untrack(it.mm, it.page, 1);
    it.caches.track(it.mm, it.page, 1);
    expect(it.deviceReads(0)).toEqual([2]);
  });
});

describe('a device write that nobody saw', () => {
  it('is told at the end of the run, once a page, and not after a flush', () => {
    const it = setup();
    it.dma(70, new Uint8Array([1]), true);
    it.caches.finish();
    expect(it.caches.stale).toEqual([
      { device: 'vfio0', kind: 'device-write-unseen', iova: 0n, address: it.address + 64n },
    ]);
    it.caches.flush();
    it.caches.finish();
    expect(it.caches.staleCount).toBe(1);
  });

  it('is told when the memory goes before the mapping', () => {
    const it = setup();
    it.dma(0, new Uint8Array([1]), true);
    it.mm.end();
    it.memory.end();
    it.caches.untrack(it.mm, it.page, 1);
    expect(it.caches.stale.map(({ kind }) => kind)).toEqual(['device-write-unseen']);
  });

  it('is counted beyond a hundred, and kept no more', () => {
    const it = setup(101);
    it.dma(0, new Uint8Array(101 * PAGE).fill(1), true);
    it.caches.finish();
    expect([it.caches.staleCount, it.caches.stale.length]).toEqual([101, 100]);
  });
});

describe('evictions', () => {
  it('come in the same places with the same seed, and make some lines visible', () => {
    const seen = (seed: number) => {
      const it = setup(1, new CpuCaches(true, parseEviction(`seeded:${seed}`)));
      for (let i = 0; i < 200; i++) it.dma((i % 64) * 64, new Uint8Array([1 + i]), true);
      return it.load(0, PAGE).filter((byte) => byte !== 0);
    };
    expect(seen(1)).toEqual(seen(1));
    expect(seen(1)).not.toEqual(seen(2));
    expect(seen(1).length).toBeGreaterThan(0);
  });

  it.each(['often', 'seeded:', 'seeded:x', 'seeded:1234567890'])('%j is no way to evict', (text) => {
    expect(() => parseEviction(text)).toThrow(RangeError);
  });
});

/** Memory as the paper says it: bytes in DRAM, and lines that hold newer bytes until they are flushed. */
it('follows a model of DRAM and lines through any sequence of stores, DMA and flushes', () => {
  const at = fc.integer({ min: 0, max: 255 });
  const value = fc.integer({ min: 1, max: 255 });
  const step = fc.oneof(
    fc.record({ op: fc.constant('store'), at, value }),
    fc.record({ op: fc.constant('dma'), at, value }),
    fc.record({ op: fc.constant('snooped'), at, value }),
    fc.record({ op: fc.constant('flush'), at, value }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const it = setup();
      const dram = new Array<number>(256).fill(0);
      const cpu = new Array<number>(256).fill(0);
      const clean = new Array<number>(256).fill(0);
      const sync = (line: number) => {
        const bytes = Array.from({ length: 64 }, (_, i) => line * 64 + i);
        const dirty = bytes.some((byte) => cpu[byte] !== clean[byte]);
        for (const byte of bytes) {
          if (dirty) dram[byte] = cpu[byte] ?? 0;
          cpu[byte] = clean[byte] = dram[byte] ?? 0;
        }
      };
      for (const { op, at: byte, value: what } of steps) {
        if (op === 'store') {
          it.store(byte, what);
          cpu[byte] = what;
        } else if (op === 'dma') {
          it.dma(byte, new Uint8Array([what]), true);
          dram[byte] = what;
        } else if (op === 'snooped') {
          sync(byte >> 6);
          it.dma(byte, new Uint8Array([what]), true, true);
          cpu[byte] = what;
          sync(byte >> 6);
        } else {
          it.caches.flush();
          for (let line = 0; line < 4; line++) sync(line);
        }
        expect(it.load(0, 256)).toEqual(cpu);
        expect(it.deviceReads(0, 256)).toEqual(dram);
      }
    }),
    { numRuns: 50 },
  );
});
