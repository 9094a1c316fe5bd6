/**
 * First-level tables that a user bound (uapi-ioasid.md, 2.2): one page table, or a PASID table that selects one by
 * PASID. Translations are remembered in an IOTLB for each requester until the user invalidates them; what is
 * behind them goes through the parent as it is now.
 *
 * A PASID table is an array of 64-bit entries, indexed by PASID: bit 0 present, bits 12 to 51 the address of the
 * first-level table in the parent's space; the other bits are reserved and zero.
 */
import { PAGE_SHIFT } from '../../abi/address.js';
import { DMA_FAULT, type DmaFault, type DmaSource, type Domain, type Hit } from '../domain.js';
import { DIRTY, Iotlb, WRITABLE } from './iotlb.js';
import { PageWalker } from './page-walk.js';

const PASID_ENTRY_PRESENT = 1n;
const PASID_ENTRY_ADDRESS = 0x000f_ffff_ffff_f000n;

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
  /** Made by a requester's first translation that can be remembered. */
  readonly #iotlbs = new Map<DmaSource, Iotlb>();
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
    let iotlb = this.#iotlbs.get(who);
    const known = iotlb?.find(page, pasid) ?? false;
    if (!iotlb || !known || (write && (iotlb.flags & WRITABLE) !== 0 && (iotlb.flags & DIRTY) === 0)) {
      const fault = this.#walk(page, write, who, pasid);
      if (fault !== DMA_FAULT.NONE) return fault;
      iotlb = this.#remember(who, pasid, page);
    } else if (write && (iotlb.flags & WRITABLE) === 0) return DMA_FAULT.NO_PERMISSION;
    const { pages } = iotlb;
    const fault = this.#parent.translate(iotlb.page, write, hit, who);
    if (hit.pages > pages) hit.pages = pages;
    return fault;
  }

  /** @param who undefined: every requester; @param pasid undefined: every PASID */
  invalidate(who: DmaSource | undefined, pasid: number | undefined, range?: { first: number; last: number }): void {
    for (const [source, iotlb] of this.#iotlbs) {
      if (!who || source === who) iotlb.invalidate(pasid, range?.first, range?.last);
    }
  }

  /** The requester is detached: what was remembered for it goes. */
  forget(who: DmaSource): void {
    this.#iotlbs.delete(who);
  }

  #walk(page: number, write: boolean, who: DmaSource, pasid: number): DmaFault {
    const iotlb = this.#iotlbs.get(who);
    if (iotlb?.findTable(page, pasid))
      return this.#walker.walkLowest(who, iotlb.page, (iotlb.flags & WRITABLE) !== 0, page, write);
    const root = this.options.pasidBits === undefined ? this.options.address : this.#select(who, pasid);
    return typeof root === 'bigint' ? this.#walker.walk(who, root, this.options.levels, page, write) : root;
  }

  /** Puts what the walk found into the requester's IOTLB, and finds it there. */
  #remember(who: DmaSource, pasid: number, page: number): Iotlb {
    let iotlb = this.#iotlbs.get(who);
    if (!iotlb) {
      iotlb = new Iotlb();
      this.#iotlbs.set(who, iotlb);
    }
    const { leaf, level, writable, dirty, table, tableWritable } = this.#walker.result;
    if (level === 0) iotlb.insertTable(page, pasid, table, tableWritable ? WRITABLE : 0);
    iotlb.insert(page, pasid, level, leaf, (writable ? WRITABLE : 0) | (dirty ? DIRTY : 0));
    iotlb.find(page, pasid);
    return iotlb;
  }

  /** The first-level table of a PASID, or why there is none. */
  #select(who: DmaSource, pasid: number): bigint | DmaFault {
    if (pasid >= 2 ** (this.options.pasidBits ?? 0)) return DMA_FAULT.NOT_MAPPED;
    const entry = this.#walker.readWord(who, this.options.address + BigInt(pasid * 8));
    if (entry === undefined || (entry & PASID_ENTRY_PRESENT) === 0n) return DMA_FAULT.NOT_MAPPED;
    if ((entry & ~(PASID_ENTRY_PRESENT | PASID_ENTRY_ADDRESS)) !== 0n) return DMA_FAULT.ABORTED;
    return entry & PASID_ENTRY_ADDRESS;
  }
}
