import { describe, expect, test } from 'vitest';
import { RAM } from '../../memory/ram.js';
import { DMA_FAULT, type Domain, type Hit } from '../domain.js';
import { PageWalker } from './page-walk.js';

const who = { name: 'vfio1' };
const [P, W, U, PWT, PCD, A, D, PS, G] = [1n, 2n, 4n, 8n, 16n, 32n, 64n, 128n, 256n];
const TABLE = P | W | U;
/** Where the tables are, as the parent numbers them: one page a level, the top one last. */
const LEVELS = [0x1000n, 0x2000n, 0x3000n, 0x4000n, 0x5000n] as const;

/** A parent whose pages are frames of RAM; `readOnly` ones refuse writes. */
class Parent implements Domain {
  readonly enforceSnoop = true;
  readonly frames = new Map<number, number>();
  readonly readOnly = new Set<number>();
  reads = 0;
  /** Told before each translation. */
  before: (() => void) | undefined;

  frame(page: number): number {
    const known = this.frames.get(page) ?? RAM.allocate();
    this.frames.set(page, known);
    return known;
  }

  translate(page: number, write: boolean, hit: Hit) {
    this.before?.();
    if (!write) this.reads++;
    const frame = this.frames.get(page);
    if (frame === undefined) return DMA_FAULT.NOT_MAPPED;
    if (write && this.readOnly.has(page)) return DMA_FAULT.NO_PERMISSION;
    Object.assign(hit, { target: RAM, page: frame, pages: 1, dirty: undefined, dirtyPage: page });
    return DMA_FAULT.NONE;
  }

  word(address: bigint): DataView {
    const bytes = RAM.bytes(this.frame(Number(address >> 12n)), true);
    if (!bytes) throw new Error('no bytes');
    return new DataView(bytes.buffer, bytes.byteOffset + Number(address & 0xfffn), 8);
  }

  get(address: bigint): bigint {
    return this.word(address).getBigUint64(0, true);
  }

  set(address: bigint, value: bigint): void {
    this.word(address).setBigUint64(0, value, true);
  }
}

const indexAt = (page: number, depth: number): number => Math.floor(page / 2 ** (9 * depth)) % 512;
const entryAt = (page: number, depth: 0 | 1 | 2 | 3 | 4): bigint => LEVELS[depth] + BigInt(8 * indexAt(page, depth));

/** Tables that map one page of 4 KiB, with whatever the test makes of them. */
function setup(page: number, levels: 4 | 5 = 4, leaf = 0x7_7000n) {
  const parent = new Parent();
  for (let depth = levels - 1; depth > 0; depth--) {
    const at = depth as 1 | 2 | 3 | 4;
    parent.set(entryAt(page, at), LEVELS[(at - 1) as 0 | 1 | 2 | 3] | TABLE);
  }
  parent.set(entryAt(page, 0), leaf | TABLE);
  const walker = new PageWalker(parent);
  const walk = (write = false) =>
    walker.walk(who, Number(LEVELS[(levels - 1) as 3 | 4] >> 12n), levels - 1, true, page, write);
  return { parent, walker, walk };
}

/** Each index of each level is another number. */
const PAGE = ((3 * 512 + 5) * 512 + 7) * 512 + 9;

describe('a walk of x86-64 page tables', () => {
  test.each([4, 5] as const)('with %i levels takes nine bits of the address a level', (levels) => {
    const page = PAGE + (levels === 5 ? 11 * 2 ** 36 : 0);
    const { walk, walker } = setup(page, levels);
    expect(walk()).toBe(DMA_FAULT.NONE);
    const table = Number(LEVELS[0] >> 12n);
    expect(walker.result).toMatchObject({ leaf: 0x77, level: 0, writable: true, dirty: false });
    expect(walker.result.tables.slice(0, levels)).toEqual(LEVELS.slice(0, levels).map((at) => Number(at >> 12n)));
    expect([walker.walk(who, table, 0, true, page, false), walker.result.leaf]).toEqual([DMA_FAULT.NONE, 0x77]);
    expect(walker.walk(who, table, 0, false, page, true)).toBe(DMA_FAULT.NO_PERMISSION);
  });

  test.each([
    ['present', P, DMA_FAULT.NOT_MAPPED, DMA_FAULT.NOT_MAPPED],
    ['writable', W, DMA_FAULT.NONE, DMA_FAULT.NO_PERMISSION],
    ['user', U, DMA_FAULT.NO_PERMISSION, DMA_FAULT.NO_PERMISSION],
  ])('needs the %s bit at every level', (_, bit, read, write) => {
    for (const depth of [0, 1, 2, 3] as const) {
      const { parent, walk } = setup(PAGE);
      parent.set(entryAt(PAGE, depth), parent.get(entryAt(PAGE, depth)) & ~bit);
      expect([depth, walk(), walk(true)]).toEqual([depth, read, write]);
    }
  });

  test('tells that a page is not writable if one level is not', () => {
    for (const depth of [0, 1, 2, 3] as const) {
      const { parent, walk, walker } = setup(PAGE);
      parent.set(entryAt(PAGE, depth), parent.get(entryAt(PAGE, depth)) & ~W);
      walk();
      expect(walker.result.writable).toBe(false);
      expect(walker.result.above[0]).toBe(depth === 0);
    }
  });

  test('ignores what the hardware ignores: write-through, cache-disable, global, bits 9 to 11 and 52 to 62', () => {
    for (const bit of [PWT, PCD, G, 1n << 9n, 1n << 10n, 1n << 11n, 1n << 52n, 1n << 62n]) {
      const { parent, walk, walker } = setup(PAGE);
      for (const depth of [0, 1, 2, 3] as const)
        parent.set(entryAt(PAGE, depth), parent.get(entryAt(PAGE, depth)) | bit);
      expect([bit, walk(), walker.result.leaf]).toEqual([bit, DMA_FAULT.NONE, 0x77]);
    }
  });

  test.each([
    [1, 1, 0x4020_0000n, 0x40200],
    [2, 2, 0x8000_0000n, 0x80000],
  ] as const)('ends at a large leaf of level %i', (depth, level, address, leaf) => {
    const { parent, walk, walker } = setup(PAGE);
    parent.set(entryAt(PAGE, depth), address | TABLE | PS);
    expect(walk(true)).toBe(DMA_FAULT.NONE);
    expect(walker.result).toMatchObject({ leaf, level, writable: true, dirty: true });
  });

  test('takes bit 12 of a large leaf for its memory type', () => {
    const { parent, walk, walker } = setup(PAGE);
    parent.set(entryAt(PAGE, 1), 0x4020_0000n | TABLE | PS | (1n << 12n));
    expect([walk(), walker.result.leaf]).toEqual([DMA_FAULT.NONE, 0x40200]);
  });

  test('aborts at each reserved bit of a large leaf: 13 to 20 of 2M, 13 to 29 of 1G', () => {
    for (const [depth, last] of [
      [1, 20],
      [2, 29],
    ] as const) {
      for (let bit = 13; bit <= last; bit++) {
        const { parent, walk } = setup(PAGE);
        parent.set(entryAt(PAGE, depth), 0x40_0000_0000n | TABLE | PS | (1n << BigInt(bit)));
        expect([depth, bit, walk()]).toEqual([depth, bit, DMA_FAULT.ABORTED]);
      }
    }
  });

  test.each([
    [4, 3],
    [5, 3],
    [5, 4],
  ] as const)('aborts at a large leaf of %i levels at level %i, which no format has', (levels, depth) => {
    const { parent, walk } = setup(PAGE, levels);
    parent.set(entryAt(PAGE, depth), parent.get(entryAt(PAGE, depth)) | PS);
    expect(walk()).toBe(DMA_FAULT.ABORTED);
  });

  test('sets accessed at each level, dirty at the leaf of a write only', () => {
    const { parent, walk } = setup(PAGE);
    walk();
    expect([0, 1, 2, 3].map((depth) => parent.get(entryAt(PAGE, depth as 0)) & (A | D))).toEqual([A, A, A, A]);
    walk(true);
    expect([0, 1, 2, 3].map((depth) => parent.get(entryAt(PAGE, depth as 0)) & (A | D))).toEqual([A | D, A, A, A]);
  });

  test('sets no bit where it stops for want of permission, below it', () => {
    const { parent, walk } = setup(PAGE);
    parent.set(entryAt(PAGE, 0), parent.get(entryAt(PAGE, 0)) & ~W);
    walk(true);
    expect(parent.get(entryAt(PAGE, 0)) & (A | D)).toBe(0n);
  });

  test('writes nothing where the bits are set already', () => {
    const { parent, walk } = setup(PAGE);
    for (const depth of [0, 1, 2, 3] as const) {
      parent.set(entryAt(PAGE, depth), parent.get(entryAt(PAGE, depth)) | A | (depth === 0 ? D : 0n));
      parent.readOnly.add(Number(LEVELS[depth] >> 12n));
    }
    expect(walk(true)).toBe(DMA_FAULT.NONE);
  });

  test('aborts where a bit is to be set in a table that the parent maps for reading only', () => {
    const { parent, walk } = setup(PAGE);
    parent.readOnly.add(Number(LEVELS[1] >> 12n));
    expect(walk()).toBe(DMA_FAULT.ABORTED);
  });

  test('a table outside the parent is a missing page', () => {
    const { parent, walk } = setup(PAGE);
    parent.frames.delete(Number(LEVELS[1] >> 12n));
    expect(walk()).toBe(DMA_FAULT.NOT_MAPPED);
  });

  test('starts again where an entry changes under it, and gives up where it changes each time', () => {
    const { parent, walk, walker } = setup(PAGE);
    const leaf = entryAt(PAGE, 0);
    let changes = 1;
    parent.before = () => {
      // The leaf was read once, and is read again before it is marked.
      if (changes > 0 && parent.reads === 7) {
        changes--;
        parent.set(leaf, 0x8_8000n | TABLE);
      }
    };
    expect([walk(), walker.result.leaf]).toEqual([DMA_FAULT.NONE, 0x88]);
    const other = setup(PAGE);
    let value = 0n;
    other.parent.before = () => other.parent.set(leaf, ((value++ & 0xffn) << 12n) | TABLE);
    expect(other.walk()).toBe(DMA_FAULT.ABORTED);
  });

  test('ends in a table that points at itself', () => {
    const parent = new Parent();
    for (let i = 0; i < 512; i++) parent.set(0x1000n + BigInt(i * 8), 0x1000n | TABLE);
    const walker = new PageWalker(parent);
    expect([walker.walk(who, 1, 4, true, PAGE, true), walker.result.leaf]).toEqual([DMA_FAULT.NONE, 1]);
  });
});
