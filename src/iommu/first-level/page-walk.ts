/**
 * Walks of x86-64 page tables over real bytes (Intel SDM volume 3, 4.5; VT-d specification, 3.6, first-level paging).
 * The tables are in the parent's I/O virtual address space, and so is what they translate to. Each entry is read once;
 * the accessed and dirty bits are written back. A hostile table cannot do more than abort the DMA: the walk goes down
 * level by level, so it ends, and every address it meets goes through the parent.
 */
import { addressOfPage, PAGE_SIZE } from '../../abi/address.js';
import type { DmaTarget } from '../../memory/dma-target.js';
import { DMA_FAULT, type DmaFault, type DmaSource, type Domain, type Hit } from '../domain.js';

/** Bits of the low half of an entry. */
export const ENTRY = { PRESENT: 1, WRITE: 2, USER: 4, ACCESSED: 32, DIRTY: 64, LARGE: 128 } as const;
const { PRESENT, WRITE, USER, ACCESSED, DIRTY, LARGE } = ENTRY;
/** Bits 32 to 51 of an entry are address bits. */
const HIGH_ADDRESS = 0xf_ffff;
/** Bits 13 to 20 of a 2M leaf and 13 to 29 of a 1G leaf are address bits that must be zero. */
const RESERVED_LEAF = [0, 0x1f_e000, 0x3fff_e000] as const;
/** Pages behind one entry of a table, by the table's depth: 0 for the lowest, whose entries are pages of 4K. */
export const ENTRY_PAGES = [1, 2 ** 9, 2 ** 18, 2 ** 27, 2 ** 36] as const;
const ENTRIES = 512;
const WORD = 8;
/** How often a walk starts again because an entry changed under it. */
const MAX_RETRIES = 8;

export interface WalkResult {
  /** Page-frame number of the leaf's first page, in the parent's address space. */
  leaf: number;
  /** 0: 4K, 1: 2M, 2: 1G. */
  level: 0 | 1 | 2;
  writable: boolean;
  dirty: boolean;
  /** The tables of the walk by depth, from where it began to `level`: page-frame numbers. */
  readonly tables: number[];
  /** For each of them whether all entries above it are writable. */
  readonly above: boolean[];
}

/** The page-frame number in an entry. */
export const pageOfEntry = (low: number, high: number): number => (high & HIGH_ADDRESS) * 2 ** 20 + (low >>> 12);

/** The index of a page's entry in a table of a depth. */
export const indexOfEntry = (page: number, depth: number): number =>
  Math.floor(page / (ENTRY_PAGES[depth] as number)) & (ENTRIES - 1);

export class PageWalker {
  readonly #parent: Domain;
  readonly #hit: Hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };
  readonly #bytes = new Uint8Array(WORD);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #first = this.#bytes.subarray(0, 1);
  /** Halves of the word that was read last. */
  low = 0;
  high = 0;
  readonly result: WalkResult = {
    leaf: 0,
    level: 0,
    writable: false,
    dirty: false,
    tables: [0, 0, 0, 0, 0],
    above: [false, false, false, false, false],
  };

  /** @param parent the address space that the tables and their outputs are in */
  constructor(parent: Domain) {
    this.#parent = parent;
  }

  /**
   * Walks from a table to the leaf of a page.
   * @param table page-frame number of the table in the parent
   * @param depth of that table: 0 for a lowest one, 3 and 4 for the root of 4 and 5 levels
   * @param above whether all entries above that table are writable
   * @param page page-frame number to translate
   * @returns NONE and fills in `result`; NOT_MAPPED; NO_PERMISSION; ABORTED for a malformed table
   */
  walk(who: DmaSource, table: number, depth: number, above: boolean, page: number, write: boolean): DmaFault {
    for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
      const fault = this.#descend(who, table, depth, above, page, write);
      if (fault !== undefined) return fault;
    }
    return DMA_FAULT.ABORTED;
  }

  /** One try; undefined if an entry changed meanwhile. */
  #descend(
    who: DmaSource,
    root: number,
    from: number,
    above: boolean,
    page: number,
    write: boolean,
  ): DmaFault | undefined {
    const { result } = this;
    let table = root;
    let writable = above;
    for (let depth = from; ; depth--) {
      result.tables[depth] = table;
      result.above[depth] = writable;
      const index = indexOfEntry(page, depth);
      if (!this.readWord(who, table, index) || (this.low & PRESENT) === 0) return DMA_FAULT.NOT_MAPPED;
      const { low, high } = this;
      const leaf = depth === 0 || (low & LARGE) !== 0;
      if (leaf && (depth > 2 || (depth > 0 && (low & RESERVED_LEAF[depth as 1 | 2]) !== 0))) return DMA_FAULT.ABORTED;
      writable &&= (low & WRITE) !== 0;
      if ((low & USER) === 0 || (leaf && write && !writable)) return DMA_FAULT.NO_PERMISSION;
      const mark = leaf && write ? ACCESSED | DIRTY : ACCESSED;
      if ((low & mark) !== mark) {
        const marked = this.#mark(who, table, index, low, high, mark);
        if (marked === undefined) return undefined;
        if (!marked) return DMA_FAULT.ABORTED;
      }
      table = pageOfEntry(low, high);
      if (!leaf) continue;
      result.level = depth as 0 | 1 | 2;
      // Bit 12 of a large leaf is its memory type, no address.
      result.leaf = table - (table % (ENTRY_PAGES[depth] as number));
      result.writable = writable;
      result.dirty = write || (low & DIRTY) !== 0;
      return DMA_FAULT.NONE;
    }
  }

  /** Reads a word of a page of the parent's space into `low` and `high`. False if the parent does not map it. */
  readWord(who: DmaSource, page: number, index: number): boolean {
    const place = this.#place(who, page, index, false);
    if (place === undefined || this.#hit.target?.memory.read(place, this.#bytes) !== WORD) return false;
    this.low = this.#view.getInt32(0, true);
    this.high = this.#view.getInt32(4, true);
    return true;
  }

  /** Reads a whole table. Returns the memory that it is in, or undefined if it cannot be read whole. @param into 4096 bytes */
  readTable(who: DmaSource, page: number, into: Uint8Array): DmaTarget | undefined {
    const place = this.#place(who, page, 0, false);
    const { target } = this.#hit;
    return place !== undefined && target?.memory.read(place, into) === PAGE_SIZE ? target : undefined;
  }

  /** Sets bits of an entry. Undefined if it changed since it was read, false if it cannot be written. */
  #mark(who: DmaSource, table: number, index: number, low: number, high: number, bits: number): boolean | undefined {
    if (!this.readWord(who, table, index) || this.low !== low || this.high !== high) return undefined;
    const place = this.#place(who, table, index, true);
    if (place === undefined) return false;
    this.low = low | bits;
    // The accessed and dirty bits are in the first byte: no other byte of the program's is touched.
    this.#first[0] = this.low & 0xff;
    return this.#hit.target?.memory.write(place, this.#first) === 1;
  }

  #place(who: DmaSource, page: number, index: number, write: boolean): bigint | undefined {
    const hit = this.#hit;
    const fault = this.#parent.translate(page, write, hit, who);
    if (fault !== DMA_FAULT.NONE || !hit.target?.alive) return undefined;
    if (write) hit.dirty?.mark(hit.dirtyPage, 1);
    return addressOfPage(hit.page) + BigInt(index * WORD);
  }
}
