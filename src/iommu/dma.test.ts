import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { requester } from '../../test/hardware.js';
import { Mm } from '../memory/mm.js';
import { SimulatedMemory } from '../memory/simulated-memory.js';
import { attach } from './attach.js';
import { DmaPort, type DmaStop, PLAIN } from './dma.js';
import { DMA_FAULT, type Domain, type Hit } from './domain.js';
import { PageRequestGroup, type PageResponse } from './page-request.js';
import { DirtyBitmap } from './paging/dirty-bitmap.js';
import { MAP_READ, MAP_WRITE, PagingDomain } from './paging/paging-domain.js';

const PAGE = 4096;
const IOVA = 0x10_0000n;
const portOf = (pri = false): DmaPort => new DmaPort(requester('vfio1', { noSnoop: true, pri }));

/** A port whose requests reach `pages` pages of a process from IOVA on, and what it saw. */
function setup({ pages = 4, access = MAP_READ | MAP_WRITE, pri = false } = {}) {
  const memory = new SimulatedMemory();
  const mm = new Mm(memory);
  const address = memory.mmap(pages * PAGE);
  const paging = new PagingDomain<Mm>();
  paging.insert(Number(IOVA) / PAGE, pages, mm, Number(address) / PAGE, access);
  const port = portOf(pri);
  const stops: DmaStop[] = [];
  port.watch({ stopped: (stop) => stops.push(stop) });
  const domain: Domain = {
    enforceSnoop: false,
    translate: (page, write, hit, who) => paging.translate(page, write, hit, who),
  };
  attach(port.requester, undefined, { domain });
  const peek = (at: number, size: number) => {
    const bytes = new Uint8Array(size);
    memory.read(address + BigInt(at), bytes);
    return bytes;
  };
  return { memory, mm, address, paging, port, stops, domain, peek };
}

const bytes = (size: number) => Uint8Array.from({ length: size }, (_, i) => (i * 7 + 1) & 0xff);

describe('a transfer', () => {
  test('moves any range of bytes, over page borders, in both directions', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 * PAGE }), fc.integer({ min: 0, max: PAGE }), (at, size) => {
        const { port, peek } = setup();
        expect(port.write(IOVA + BigInt(at), bytes(size), PLAIN)).toEqual({ moved: size, fault: DMA_FAULT.NONE });
        expect(peek(at, size)).toEqual(bytes(size));
        const back = new Uint8Array(size);
        expect(port.read(IOVA + BigInt(at), back, PLAIN)).toEqual({ moved: size, fault: DMA_FAULT.NONE });
        expect(back).toEqual(bytes(size));
      }),
      { numRuns: 40 },
    );
  });

  test('follows pages that are elsewhere in memory than their neighbours', () => {
    const it = setup({ pages: 1 });
    const other = it.memory.mmap(PAGE);
    it.paging.insert(Number(IOVA) / PAGE + 1, 1, it.mm, Number(other) / PAGE, MAP_READ | MAP_WRITE);
    it.port.write(IOVA + BigInt(PAGE - 2), new Uint8Array([1, 2, 3, 4]), PLAIN);
    const there = new Uint8Array(2);
    it.memory.read(other, there);
    expect([[...it.peek(PAGE - 2, 2)], [...there]]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  test('stops at the first page that is not mapped: what was moved stays moved', () => {
    const { port, peek, stops } = setup({ pages: 2 });
    const result = port.write(IOVA + BigInt(2 * PAGE - 3), bytes(10), PLAIN);
    expect(result).toEqual({ moved: 3, fault: DMA_FAULT.NOT_MAPPED });
    expect(peek(2 * PAGE - 3, 3)).toEqual(bytes(10).subarray(0, 3));
    expect(stops).toEqual([
      {
        device: 'vfio1',
        iova: IOVA + BigInt(2 * PAGE),
        write: true,
        left: 7,
        fault: DMA_FAULT.NOT_MAPPED,
        gone: false,
        busMaster: true,
        queue: false,
      },
    ]);
  });

  test.each([
    [MAP_READ, DMA_FAULT.NONE, DMA_FAULT.NO_PERMISSION],
    [MAP_WRITE, DMA_FAULT.NO_PERMISSION, DMA_FAULT.NONE],
  ])('with access %i reads and writes what it may', (access, read, write) => {
    const { port } = setup({ access });
    expect([port.read(IOVA, bytes(1), PLAIN).fault, port.write(IOVA, bytes(1), PLAIN).fault]).toEqual([read, write]);
  });

  test('without a route, or without bus mastering, is blocked', () => {
    const port = portOf();
    expect(port.read(IOVA, bytes(4), PLAIN)).toEqual({ moved: 0, fault: DMA_FAULT.BLOCKED });
    const it = setup();
    it.port.busMaster = false;
    expect(it.port.write(IOVA, bytes(4), PLAIN)).toEqual({ moved: 0, fault: DMA_FAULT.BLOCKED });
    expect([it.stops[0]?.busMaster, ...it.peek(0, 1)]).toEqual([false, 0]);
  });

  test('ends where the process took its page away, and is told as gone', () => {
    const { port, memory, address, stops } = setup({ pages: 3 });
    memory.munmap(address + BigInt(PAGE), BigInt(PAGE));
    expect(port.write(IOVA, bytes(3 * PAGE), PLAIN)).toEqual({ moved: PAGE, fault: DMA_FAULT.NOT_MAPPED });
    expect(stops.map(({ gone, left }) => [gone, left])).toEqual([[true, 2 * PAGE]]);
  });

  test('reaches nothing of a process that has ended', () => {
    const { port, mm, stops } = setup();
    mm.end();
    expect(port.read(IOVA, bytes(1), PLAIN)).toEqual({ moved: 0, fault: DMA_FAULT.NOT_MAPPED });
    expect(stops[0]?.gone).toBe(true);
  });

  test('of no bytes is done, whatever the address', () => {
    const { port } = setup();
    expect(port.read(0xffff_ffff_ffff_f000n, new Uint8Array(), PLAIN)).toEqual({ moved: 0, fault: DMA_FAULT.NONE });
  });
});

describe('what a transfer marks as dirty', () => {
  const dirtied = (act: (it: ReturnType<typeof setup>) => void): number[] => {
    const it = setup({ pages: 4 });
    it.paging.dirty = new DirtyBitmap();
    act(it);
    const first = Number(IOVA) / PAGE;
    const pages: number[] = [];
    it.paging.dirty.forEach(first, 100, (page) => pages.push(page - first));
    return pages;
  };

  test('is every page that it wrote a byte of, and none that it read', () => {
    expect(dirtied(({ port }) => port.write(IOVA + BigInt(PAGE - 1), bytes(PAGE + 2), PLAIN))).toEqual([0, 1, 2]);
    expect(dirtied(({ port }) => port.write(IOVA + BigInt(PAGE), bytes(PAGE), PLAIN))).toEqual([1]);
    expect(dirtied(({ port }) => port.read(IOVA, bytes(2 * PAGE), PLAIN))).toEqual([]);
  });

  test('does not go beyond a short move', () => {
    expect(
      dirtied(({ port, memory, address }) => {
        memory.munmap(address + BigInt(PAGE), BigInt(PAGE));
        port.write(IOVA, bytes(4 * PAGE), PLAIN);
      }),
    ).toEqual([0]);
  });

  test('is the same for many ranges at once', () => {
    expect(
      dirtied(({ port }) => {
        const pieces = [
          { iova: IOVA, bytes: bytes(8) },
          { iova: IOVA + BigInt(3 * PAGE - 1), bytes: bytes(2) },
        ];
        port.moveAll(pieces, true, PLAIN);
      }),
    ).toEqual([0, 2, 3]);
  });
});

describe('many ranges', () => {
  /** The same memory, with a way to move pieces in one call that counts them. */
  function gathering() {
    const it = setup();
    let calls = 0;
    const { memory } = it;
    Object.assign(memory, {
      move(pieces: readonly { address: bigint; bytes: Uint8Array }[], write: boolean) {
        calls++;
        let sum = 0;
        for (const piece of pieces) {
          const moved = write ? memory.write(piece.address, piece.bytes) : memory.read(piece.address, piece.bytes);
          sum += moved;
          if (moved < piece.bytes.length) break;
        }
        return sum;
      },
    });
    return { ...it, calls: () => calls };
  }

  test('go in one call where the memory can, in their order, each with its bytes', () => {
    const { port, peek, calls } = gathering();
    const pieces = [
      { iova: IOVA + 4n, bytes: new Uint8Array([1, 1, 1]) },
      { iova: IOVA + 5n, bytes: new Uint8Array([2]) },
    ];
    expect(port.moveAll(pieces, true, PLAIN)).toEqual({ moved: 4, fault: DMA_FAULT.NONE });
    expect([[...peek(4, 3)], calls()]).toEqual([[1, 2, 1], 1]);
  });

  test('stop at the first range that does not go, with the bytes of those before', () => {
    const { port, peek } = gathering();
    const pieces = [
      { iova: IOVA, bytes: bytes(5) },
      { iova: IOVA + BigInt(4 * PAGE - 1), bytes: bytes(3) },
      { iova: IOVA + 100n, bytes: bytes(5) },
    ];
    expect(port.moveAll(pieces, true, PLAIN)).toEqual({ moved: 6, fault: DMA_FAULT.NOT_MAPPED });
    expect(peek(100, 5)).toEqual(new Uint8Array(5));
  });
});

describe('where a request goes', () => {
  const other: Domain = { enforceSnoop: true, translate: () => DMA_FAULT.ABORTED };

  test('with a PASID to that PASID’s domain, or nowhere', () => {
    const { port } = setup();
    attach(port.requester, 5, { domain: other });
    expect(port.read(IOVA, bytes(1), { ...PLAIN, pasid: 5 }).fault).toBe(DMA_FAULT.ABORTED);
    expect(port.read(IOVA, bytes(1), { ...PLAIN, pasid: 6 }).fault).toBe(DMA_FAULT.BLOCKED);
  });

  test('with any PASID to a domain that has the whole PASID space, which sees the number', () => {
    const port = portOf();
    const seen: (number | undefined)[] = [];
    const domain: Domain = {
      enforceSnoop: true,
      wholePasidSpace: true,
      translate: (_page, _write, _hit: Hit, _who, pasid) => {
        seen.push(pasid);
        return DMA_FAULT.NOT_MAPPED;
      },
    };
    attach(port.requester, undefined, { domain });
    port.read(IOVA, bytes(1), { ...PLAIN, pasid: 77 });
    expect(seen).toEqual([77]);
  });
});

describe('a page request', () => {
  const wanted = [{ address: IOVA + 5n, write: true }];

  test('is delivered to the route’s queue with page addresses, and resumes once', () => {
    const port = portOf(true);
    const groups: PageRequestGroup[] = [];
    attach(port.requester, undefined, {
      domain: { enforceSnoop: true, translate: () => DMA_FAULT.NOT_MAPPED },
      faults: { deliver: (group) => groups.push(group) > 0 },
    });
    const answers: PageResponse[] = [];
    const group = port.request(DMA_FAULT.NOT_MAPPED, wanted, PLAIN, (response) => answers.push(response));
    expect(group?.requests).toEqual([{ address: IOVA, write: true }]);
    group?.respond('success');
    group?.respond('failure');
    expect([answers, group?.settled]).toEqual([['success'], true]);
    expect(port.request(DMA_FAULT.NO_PERMISSION, wanted, PLAIN, () => {})?.index).toBe(1);
  });

  test.each([
    ['the device has no PRI', false, DMA_FAULT.NOT_MAPPED, true],
    ['the fault cannot be recovered', true, DMA_FAULT.BLOCKED, true],
    ['nobody reads the queue', true, DMA_FAULT.NOT_MAPPED, false],
  ])('is none if %s', (_, pri, fault, takes) => {
    const port = portOf(pri);
    attach(port.requester, undefined, {
      domain: { enforceSnoop: true, translate: () => DMA_FAULT.NOT_MAPPED },
      faults: { deliver: () => takes },
    });
    expect(port.request(fault, wanted, PLAIN, () => {})).toBeUndefined();
  });

  test('that was given up is answered to nobody', () => {
    const answers: PageResponse[] = [];
    const group = new PageRequestGroup({ name: 'x' }, undefined, 0, wanted, (response) => answers.push(response));
    group.cancel();
    group.respond('success');
    expect([answers, group.settled]).toEqual([[], true]);
  });

  test('of a device that can ask is no stop: it is met as a matter of course', () => {
    const it = setup({ pri: true, pages: 1 });
    it.port.requester.route = { domain: it.domain, faults: { deliver: () => true } };
    expect(it.port.read(IOVA + BigInt(PAGE), bytes(1), PLAIN).fault).toBe(DMA_FAULT.NOT_MAPPED);
    expect(it.stops).toEqual([]);
  });
});
