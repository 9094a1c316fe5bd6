/** Memory of a simulated process that is mapped into I/O page tables, and how often its pages are pinned. */
import { AREA_READ, AREA_WRITE } from '../src/iopt/area.js';
import type { IoPageTable } from '../src/iopt/io-page-table.js';
import { mapSlices } from '../src/iopt/map.js';
import { UserPages } from '../src/iopt/page-source.js';
import { SharedPages } from '../src/iopt/shared-pages.js';
import { NOBODY } from '../src/memory/account.js';
import type { Memory } from '../src/memory/memory.js';
import { Mm } from '../src/memory/mm.js';
import { RAM } from '../src/memory/ram.js';
import { SimulatedMemory } from '../src/memory/simulated-memory.js';

/** Readable and writable. */
export const RW = AREA_READ | AREA_WRITE;

/** A process with some pages, and a way to map them. */
export function mappedMemory(pages = 16) {
  const memory = new SimulatedMemory();
  const mm = new Mm(memory);
  const base = memory.mmap(pages * 4096);
  /** @param iova undefined: chosen; @param offset of the first byte in the memory. Returns the I/O virtual address */
  const map = (table: IoPageTable, iova: bigint | undefined, offset: bigint, length: bigint, access = RW): bigint => {
    const start = base + (offset & ~0xfffn);
    const source = new UserPages(mm, start);
    const shared = new SharedPages(source, (access & AREA_WRITE) !== 0, { mm, user: NOBODY, mode: 'none' });
    shared.get();
    try {
      const slice = { pages: shared, startByte: offset & 0xfffn, length };
      return mapSlices(table, [slice], iova, base + offset, access);
    } finally {
      shared.put();
    }
  };
  const pins = (page: number): number => pinsOf(memory, base + BigInt(page) * 4096n);
  return { memory, mm, base, map, pins };
}

/** Pins of the page at an address; -1 if nothing is mapped there. */
export function pinsOf(memory: Memory, address: bigint): number {
  let pins = -1;
  const [run] = memory.frames(address, 1, false);
  if (run) {
    RAM.pins.forEach(run.frame, 1, (_first, _frames, count) => {
      pins = count;
    });
  }
  return pins;
}
