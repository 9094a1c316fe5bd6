/**
 * First-level tables that a user bound (uapi-ioasid.md, 2.2): one page table, or a PASID table that selects one by
 * PASID. Translations are remembered in an IOTLB for each requester and PASID until the user invalidates them; what is
 * behind them goes through the parent as it is now.
 *
 * A PASID table is an array of 64-bit entries, indexed by PASID: bit 0 present, bits 12 to 51 the address of the
 * first-level table in the parent's space; the other bits are reserved and zero.
 */
import { PAGE_SHIFT } from '../abi/address.js';
import { DMA_FAULT, type DmaFault, type Domain, type Hit } from './domain.js';
import { DIRTY, Iotlb, WRITABLE } from './iotlb.js';
import { PageWalker } from './page-walk.js';
import type { Requester } from './requester.js';

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
  readonly #iotlbs = new Map<Requester, Map<number, Iotlb>>();
  readonly #end: number;

  constructor(parent: Domain, options: UserTableOptions) {
    this.options = options;
    this.#parent = parent;
    this.#walker = new PageWalker(parent);
    this.#end = 2 ** (options.addressWidth - PAGE_SHIFT);
  }

  /** Translates a page through the first level and the parent. @param pasid 0 for requests without one */
  translate(page: number, write: boolean, hit: Hit, who: Requester, pasid: number): DmaFault {
    if (page >= this.#end) return DMA_FAULT.NOT_MAPPED;
    const iotlb = this.#iotlb(who, pasid);
    if (!iotlb.find(page) || (write && (iotlb.flags & WRITABLE) !== 0 && (iotlb.flags & DIRTY) === 0)) {
      const fault = this.#fill(iotlb, page, write, who, pasid);
      if (fault !== DMA_FAULT.NONE) return fault;
      iotlb.find(page);
    } else if (write && (iotlb.flags & WRITABLE) === 0) return DMA_FAULT.NO_PERMISSION;
    const { pages } = iotlb;
    const fault = this.#parent.translate(iotlb.page, write, hit, who);
    if (hit.pages > pages) hit.pages = pages;
    return fault;
  }

  /** @param who undefined: every requester; @param pasid undefined: every PASID */
  invalidate(who: Requester | undefined, pasid: number | undefined, range?: { first: number; last: number }): void {
    for (const [requester, byPasid] of this.#iotlbs) {
      if (who && requester !== who) continue;
      for (const [number, iotlb] of byPasid) {
        if (pasid !== undefined && number !== pasid) continue;
        if (range) iotlb.invalidateRange(range.first, range.last);
        else iotlb.invalidateAll();
      }
    }
  }

  /** The requester is detached: what was remembered for it goes. */
  forget(who: Requester): void {
    this.#iotlbs.delete(who);
  }

  #fill(iotlb: Iotlb, page: number, write: boolean, who: Requester, pasid: number): DmaFault {
    const root = this.options.pasidBits === undefined ? this.options.address : this.#select(who, pasid);
    if (typeof root === 'number') return root;
    const fault = this.#walker.walk(who, root, this.options.levels, page, write);
    if (fault !== DMA_FAULT.NONE) return fault;
    const { leaf, level, writable, dirty } = this.#walker.result;
    iotlb.insert(page, level, leaf, (writable ? WRITABLE : 0) | (dirty ? DIRTY : 0));
    return DMA_FAULT.NONE;
  }

  /** The first-level table of a PASID, or why there is none. */
  #select(who: Requester, pasid: number): bigint | DmaFault {
    if (pasid >= 2 ** (this.options.pasidBits ?? 0)) return DMA_FAULT.NOT_MAPPED;
    const entry = this.#walker.readWord(who, this.options.address + BigInt(pasid * 8));
    if (entry === undefined || (entry & PASID_ENTRY_PRESENT) === 0n) return DMA_FAULT.NOT_MAPPED;
    if ((entry & ~(PASID_ENTRY_PRESENT | PASID_ENTRY_ADDRESS)) !== 0n) return DMA_FAULT.ABORTED;
    return entry & PASID_ENTRY_ADDRESS;
  }

  #iotlb(who: Requester, pasid: number): Iotlb {
    let byPasid = this.#iotlbs.get(who);
    if (!byPasid) {
      byPasid = new Map();
      this.#iotlbs.set(who, byPasid);
    }
    let iotlb = byPasid.get(pasid);
    if (!iotlb) {
      iotlb = new Iotlb();
      byPasid.set(pasid, iotlb);
    }
    return iotlb;
  }
}
