/**
 * PASIDs on the wire (VT-d specification, 3.4.3): each PCI function has a table that routes a PASID to a domain. A
 * physical function uses the user's number. Mediated devices share their parent's table, so the kernel chooses their
 * numbers: from the parent's pool, or from one pool of the machine where the parent takes ENQCMD (uapi-ioasid.md, 3.4).
 */
import type { DmaSource, Domain } from './domain.js';
import type { PageRequestSink } from './page-request.js';

/** Where requests go. */
export interface Route {
  readonly domain: Domain;
  /** Where requests for missing pages go; undefined: nobody can be asked. */
  readonly faults?: PageRequestSink | undefined;
}

/** Numbers that the kernel hands out; they never reach user space. */
export class PasidPool {
  readonly #used = new Set<number>();
  readonly #end: number;

  /** @param bits width of a PASID */
  constructor(bits: number) {
    this.#end = 2 ** bits;
  }

  /** A number from the top of the space, so that it is never mistaken for a user's; undefined if all are used. */
  allocate(): number | undefined {
    for (let number = this.#end - 1; number > 0; number--) {
      if (this.#used.has(number)) continue;
      this.#used.add(number);
      return number;
    }
    return undefined;
  }

  free(number: number): void {
    this.#used.delete(number);
  }
}

export interface PasidEntry {
  readonly route: Route;
  /** The number that the user gave. */
  readonly user: number;
  /** Who may use it: one function, or mediated devices that share it. */
  readonly requesters: Set<DmaSource>;
}

/** The PASID table of one PCI function. */
export class PasidTable {
  readonly entries = new Map<number, PasidEntry>();
  /** Where mediated devices get their numbers; undefined: the user's number is the one on the wire. */
  readonly pool: PasidPool | undefined;
  /** Numbers of an owner's mediated devices by the user's number, where the parents take ENQCMD: one for all parents. */
  readonly shared: SharedPasids | undefined;

  /** @param shared of the machine, for a parent that takes ENQCMD */
  constructor(pool?: PasidPool, shared?: SharedPasids) {
    this.pool = pool;
    this.shared = shared;
  }
}

/** Numbers on the wire that the mediated devices of one owner have in common, by owner and by the user's number. */
export type SharedPasids = Map<object, Map<number, { readonly wire: number; users: number }>>;
