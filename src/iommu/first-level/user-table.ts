/**
 * First-level tables that a user bound (uapi-ioasid.md, 2.2): one page table, or a PASID table that selects one by
 * PASID. Translations, and the tables on the way to them, are remembered for each requester until the user invalidates
 * them; what is behind them goes through the parent as it is now.
 *
 * A PASID table is an array of 64-bit entries, indexed by PASID: bit 0 present, bits 12 to 51 the address of the
 * first-level table in the parent's space; the other bits are reserved and zero.
 */
import { PAGE_SHIFT, pageOf } from '../../abi/address.js';
import { DMA_FAULT, type DmaFault, type DmaSource, type Domain, type Hit } from '../domain.js';
import { DIRTY, Iotlb, WRITABLE } from './iotlb.js';
import { ENTRY, indexOfEntry, PageWalker, pageOfEntry } from './page-walk.js';
import { StructureCache } from './structure-cache.js';

/** Bits of the halves of a PASID table's entry that are reserved: 1 to 11, and 52 to 63. */
const PASID_RESERVED_LOW = 0xffe;
const PASID_RESERVED_HIGH = ~0xf_ffff;
/** Entries of a PASID table in a page. */
const PASIDS_A_PAGE = 512;

/** What is remembered for one requester. */
class Remembered {
  readonly iotlb = new Iotlb();
  readonly tables = new StructureCache();
}

export interface UserTableOptions {
  /** Address of the table in the parent's space, bytes; a multiple of 4096. */
  readonly address: bigint;
  /** 4 or 5. */
  readonly levels: number;
  /** Bits of an address that the tables translate. */
  readonly addressWidth: number;
  /** The table is a PASID table with 2^pasidBits entries; undefined: a page table. */
  readonly pasidBits: number | undefined;
}

export class UserTable {
  readonly options: UserTableOptions;
  readonly #parent: Domain;
  readonly #walker: PageWalker;
  readonly #remembered = new Map<DmaSource, Remembered>();
  /** The requester of the last translation, and what is remembered for it. */
  #lastWho: DmaSource | undefined;
  #last: Remembered | undefined;
  readonly #end: number;

  constructor(parent: Domain, options: UserTableOptions) {
    this.options = options;
    this.#parent = parent;
    this.#walker = new PageWalker(parent);
    this.#end = 2 ** (options.addressWidth - PAGE_SHIFT);
  }

  /** Translates a page through the first level and the parent. @param pasid 0 for requests without one */
  translate(page: number, write: boolean, hit: Hit, who: DmaSource, pasid: number): DmaFault {
    if (page >= this.#end) return DMA_FAULT.NOT_MAPPED;
    const known = (who === this.#lastWho && this.#last) || this.#of(who);
    const { iotlb } = known;
    const found = iotlb.find(page, pasid);
    if (!found || (write && (iotlb.flags & WRITABLE) !== 0 && (iotlb.flags & DIRTY) === 0)) {
      const fault = this.#walk(page, write, who, pasid, known);
      if (fault !== DMA_FAULT.NONE) return fault;
    } else if (write && (iotlb.flags & WRITABLE) === 0) return DMA_FAULT.NO_PERMISSION;
    const { pages } = iotlb;
    const fault = this.#parent.translate(iotlb.page, write, hit, who);
    if (hit.pages > pages) hit.pages = pages;
    return fault;
  }

  /** @param who undefined: every requester; @param pasid undefined: every PASID */
  invalidate(who: DmaSource | undefined, pasid: number | undefined, range?: { first: number; last: number }): void {
    for (const [source, { iotlb, tables }] of this.#remembered) {
      if (who && source !== who) continue;
      iotlb.invalidate(pasid, range?.first, range?.last);
      tables.invalidate(pasid, range?.first, range?.last);
    }
  }

  /** The requester is detached: what was remembered for it goes. */
  forget(who: DmaSource): void {
    this.#remembered.delete(who);
    if (who === this.#lastWho) this.#last = undefined;
  }

  #of(who: DmaSource): Remembered {
    const known = this.#remembered.get(who) ?? new Remembered();
    this.#remembered.set(who, known);
    this.#lastWho = who;
    this.#last = known;
    return known;
  }

  /** Walks from the lowest table that is known, and remembers what it finds: the page is in the IOTLB then. */
  #walk(page: number, write: boolean, who: DmaSource, pasid: number, { iotlb, tables }: Remembered): DmaFault {
    const walker = this.#walker;
    const known = tables.find(page, pasid);
    if (known === 0 && this.#fromEntries(page, write, who, pasid, iotlb, tables)) return DMA_FAULT.NONE;
    const from = known < 0 ? this.options.levels - 1 : known;
    const table = known < 0 ? this.#root(who, pasid) : tables.table;
    if (typeof table !== 'number') return table;
    const fault = walker.walk(who, table, from, known < 0 || tables.writable, page, write);
    if (fault !== DMA_FAULT.NONE) return fault;
    const { leaf, level, writable, dirty } = walker.result;
    for (let depth = from - 1; depth >= level; depth--)
      tables.insert(page, pasid, depth, walker.result.tables[depth] as number, walker.result.above[depth] as boolean);
    iotlb.insert(page, pasid, level, leaf, (writable ? WRITABLE : 0) | (dirty ? DIRTY : 0));
    return DMA_FAULT.NONE;
  }

  /**
   * Translates by what is kept of the lowest table, if that is enough: the entry is present, marked as accessed, and for
   * a write as dirty. Whatever else the entry says is for a walk to judge, by the entry as it is now.
   */
  #fromEntries(
    page: number,
    write: boolean,
    who: DmaSource,
    pasid: number,
    iotlb: Iotlb,
    tables: StructureCache,
  ): boolean {
    const { changes } = this.#parent;
    if (changes === undefined || (write && !tables.writable)) return false;
    const words = tables.entries(page, pasid, changes, (table, into) => this.#walker.readTable(who, table, into));
    if (!words) return false;
    const index = 2 * indexOfEntry(page, 0);
    const low = words[index] as number;
    const needed = ENTRY.PRESENT | ENTRY.USER | ENTRY.ACCESSED | (write ? ENTRY.WRITE | ENTRY.DIRTY : 0);
    if ((low & needed) !== needed) return false;
    const flags = (tables.writable && (low & ENTRY.WRITE) !== 0 ? WRITABLE : 0) | (low & ENTRY.DIRTY ? DIRTY : 0);
    iotlb.insert(page, pasid, 0, pageOfEntry(low, words[index + 1] as number), flags);
    return true;
  }

  #root(who: DmaSource, pasid: number): number | DmaFault {
    return this.options.pasidBits === undefined ? pageOf(this.options.address) : this.#select(who, pasid);
  }

  /** The first-level table of a PASID, or why there is none. */
  #select(who: DmaSource, pasid: number): number | DmaFault {
    if (pasid >= 2 ** (this.options.pasidBits ?? 0)) return DMA_FAULT.NOT_MAPPED;
    const walker = this.#walker;
    const page = pageOf(this.options.address) + Math.floor(pasid / PASIDS_A_PAGE);
    if (!walker.readWord(who, page, pasid % PASIDS_A_PAGE) || (walker.low & ENTRY.PRESENT) === 0)
      return DMA_FAULT.NOT_MAPPED;
    if ((walker.low & PASID_RESERVED_LOW) !== 0 || (walker.high & PASID_RESERVED_HIGH) !== 0) return DMA_FAULT.ABORTED;
    return pageOfEntry(walker.low, walker.high);
  }
}
