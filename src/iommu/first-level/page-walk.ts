/**
 * Walks of x86-64 page tables over real bytes (Intel SDM volume 3, 4.5; VT-d specification, 3.6, first-level paging).
 * The tables are in the parent's I/O virtual address space, and so is what they translate to. Each entry is read once;
 * the accessed and dirty bits are written back. A hostile table cannot do more than abort the DMA: the walk goes down
 * level by level, so it ends, and every address it meets goes through the parent.
 */
import { addressOfPage, offsetInPage, pageOf } from '../../abi/address.js';
import { DMA_FAULT, type DmaFault, type DmaSource, type Domain, type Hit } from '../domain.js';

const PRESENT = 1n;
const WRITE = 2n;
const USER = 4n;
const ACCESSED = 32n;
const DIRTY = 64n;
const LARGE = 128n;
const ADDRESS = 0x000f_ffff_ffff_f000n;
/** Bits 13 to 20 of a 2M leaf and 13 to 29 of a 1G leaf are address bits that must be zero. */
const RESERVED_LEAF = [0n, 0x1f_e000n, 0x3fff_e000n] as const;
/** How often a walk starts again because an entry changed under it. */
const MAX_RETRIES = 8;

export interface WalkResult {
  /** Page-frame number of the leaf's first page, in the parent's address space. */
  leaf: number;
  /** 0: 4K, 1: 2M, 2: 1G. */
  level: 0 | 1 | 2;
  writable: boolean;
  dirty: boolean;
  /** Page-frame number of the lowest table, where the leaf is of 4K, and whether all entries above it are writable. */
  table: number;
  tableWritable: boolean;
}

export class PageWalker {
  readonly #parent: Domain;
  readonly #hit: Hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };
  readonly #bytes = new Uint8Array(8);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly result: WalkResult = {
    leaf: 0,
    level: 0,
    writable: false,
    dirty: false,
    table: 0,
    tableWritable: false,
  };

  /** @param parent the address space that the tables and their outputs are in */
  constructor(parent: Domain) {
    this.#parent = parent;
  }

  /**
   * Walks from a root table to the leaf of a page.
   * @param root address of the top table in the parent, bytes
   * @param levels 4 or 5
   * @param page page-frame number to translate
   * @returns NONE and fills in `result`; NOT_MAPPED; NO_PERMISSION; ABORTED for a malformed table
   */
  walk(who: DmaSource, root: bigint, levels: number, page: number, write: boolean): DmaFault {
    return this.#walk(who, root, levels, true, page, write);
  }

  /** The end of a walk, from a lowest table that is known. @param writable whether all entries above it are */
  walkLowest(who: DmaSource, table: number, writable: boolean, page: number, write: boolean): DmaFault {
    return this.#walk(who, addressOfPage(table), 1, writable, page, write);
  }

  #walk(who: DmaSource, root: bigint, levels: number, above: boolean, page: number, write: boolean): DmaFault {
    for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
      const fault = this.#descend(who, root, levels, above, page, write);
      if (fault !== undefined) return fault;
    }
    return DMA_FAULT.ABORTED;
  }

  /** One try; undefined if an entry changed meanwhile. */
  #descend(
    who: DmaSource,
    root: bigint,
    levels: number,
    above: boolean,
    page: number,
    write: boolean,
  ): DmaFault | undefined {
    let table = root;
    let writable = above;
    for (let depth = levels - 1; ; depth--) {
      const index = Math.floor(page / 2 ** (9 * depth)) % 512;
      const address = table + BigInt(index * 8);
      const entry = this.readWord(who, address);
      if (entry === undefined || (entry & PRESENT) === 0n) return DMA_FAULT.NOT_MAPPED;
      const leaf = depth === 0 || (entry & LARGE) !== 0n;
      if (leaf && (depth > 2 || (depth > 0 && (entry & RESERVED_LEAF[depth as 1 | 2]) !== 0n)))
        return DMA_FAULT.ABORTED;
      const tableWritable = writable;
      writable &&= (entry & WRITE) !== 0n;
      if ((entry & USER) === 0n || (leaf && write && !writable)) return DMA_FAULT.NO_PERMISSION;
      const mark = leaf && write ? ACCESSED | DIRTY : ACCESSED;
      if ((entry & mark) !== mark) {
        const marked = this.#mark(who, address, entry, mark);
        if (marked === undefined) return undefined;
        if (!marked) return DMA_FAULT.ABORTED;
      }
      const { result } = this;
      if (depth === 0) {
        result.table = pageOf(table);
        result.tableWritable = tableWritable;
      }
      table = entry & ADDRESS;
      if (!leaf) continue;
      result.level = depth as 0 | 1 | 2;
      // Bit 12 of a large leaf is its memory type, no address.
      result.leaf = pageOf(table);
      result.leaf -= result.leaf % 2 ** (9 * depth);
      result.writable = writable;
      result.dirty = write || (entry & DIRTY) !== 0n;
      return DMA_FAULT.NONE;
    }
  }

  /** Reads a word of the parent's space; undefined if the parent does not map it. */
  readWord(who: DmaSource, address: bigint): bigint | undefined {
    const place = this.#place(who, address, false);
    if (place === undefined) return undefined;
    return this.#hit.target?.memory.read(place, this.#bytes) === 8 ? this.#view.getBigUint64(0, true) : undefined;
  }

  /** Sets bits of an entry. Undefined if it changed since it was read, false if it cannot be written. */
  #mark(who: DmaSource, address: bigint, entry: bigint, bits: bigint): boolean | undefined {
    if (this.readWord(who, address) !== entry) return undefined;
    const place = this.#place(who, address, true);
    if (place === undefined) return false;
    this.#view.setBigUint64(0, entry | bits, true);
    // The accessed and dirty bits are in the first byte: no other byte of the program's is touched.
    return this.#hit.target?.memory.write(place, this.#bytes.subarray(0, 1)) === 1;
  }

  #place(who: DmaSource, address: bigint, write: boolean): bigint | undefined {
    const hit = this.#hit;
    const fault = this.#parent.translate(pageOf(address), write, hit, who);
    if (fault !== DMA_FAULT.NONE || !hit.target?.alive) return undefined;
    if (write) hit.dirty?.mark(hit.dirtyPage, 1);
    return addressOfPage(hit.page) + BigInt(offsetInPage(address));
  }
}
