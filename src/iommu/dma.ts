/**
 * DMA: how a device's requests reach memory. Each page is translated and its permission checked; pages that follow each
 * other in IOVA and in memory are moved in one piece.
 */
import { addressOfPage, offsetInPage, PAGE_SIZE, pageOf } from '../abi/address.js';
import type { CpuCaches } from './cpu-caches.js';
import { DMA_FAULT, type DmaFault, type DmaTarget, type Domain, type Hit } from './domain.js';
import type { Requester } from './requester.js';

/** What every request carries beside its address. */
export interface DmaAttributes {
  /** The device asks not to snoop the CPU caches. */
  readonly noSnoop: boolean;
  /** PASID as the user numbers it; undefined: the request is routed by requester ID, or by `wire`. */
  readonly pasid: number | undefined;
  /** PASID as it is on the wire, for work that came by ENQCMD. */
  readonly wire?: number | undefined;
}

export class DmaPort {
  readonly requester: Requester;
  /** False: the function may not issue requests (PCI command register, Bus Master Enable). */
  busMaster = true;
  /** The CPU caches, where the machine models them. */
  caches: CpuCaches | undefined;
  /** Why the last transfer stopped early. */
  fault: DmaFault = DMA_FAULT.NONE;
  readonly #hit: Hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };

  constructor(requester: Requester) {
    this.requester = requester;
  }

  /**
   * Reads memory.
   * @param iova any 64-bit address, bytes
   * @returns bytes moved; less than asked if `fault` says why
   */
  read(iova: bigint, into: Uint8Array, attributes: DmaAttributes): number {
    return this.#transfer(iova, into, false, attributes);
  }

  /** Writes memory; see read(). */
  write(iova: bigint, from: Uint8Array, attributes: DmaAttributes): number {
    return this.#transfer(iova, from, true, attributes);
  }

  /**
   * Asks for the page at which the last transfer stopped.
   * @param resume called once, later: true to try again
   * @returns false if the device cannot ask, or nobody answers
   */
  request(address: bigint, write: boolean, attributes: DmaAttributes, resume: (again: boolean) => void): boolean {
    const recoverable = this.fault === DMA_FAULT.NOT_MAPPED || this.fault === DMA_FAULT.NO_PERMISSION;
    if (!recoverable || !this.requester.capabilities.pri) return false;
    const route = this.#route(attributes);
    const page = address & ~BigInt(PAGE_SIZE - 1);
    return route?.domain.request?.({ who: this.requester, pasid: route.pasid, address: page, write, resume }) ?? false;
  }

  /** The domain of a request, and the PASID as the user numbers it; undefined: blocked. */
  #route({ pasid, wire }: DmaAttributes): { domain: Domain; pasid: number | undefined } | undefined {
    const { requester } = this;
    if (!this.busMaster) return undefined;
    if (pasid === undefined && wire === undefined) return requester.domain && { domain: requester.domain, pasid };
    const entry = requester.route(wire ?? requester.wire.get(pasid ?? 0));
    if (entry) return { domain: entry.domain, pasid: entry.user };
    return requester.domain?.wholePasidSpace ? { domain: requester.domain, pasid } : undefined;
  }

  #transfer(iova: bigint, bytes: Uint8Array, write: boolean, attributes: DmaAttributes): number {
    this.fault = DMA_FAULT.NONE;
    const route = this.#route(attributes);
    if (!route) {
      this.fault = DMA_FAULT.BLOCKED;
      return 0;
    }
    const { domain, pasid } = route;
    const snooped = !attributes.noSnoop || domain.enforceSnoop;
    const hit = this.#hit;
    let page = pageOf(iova);
    let offset = offsetInPage(iova);
    let done = 0;
    while (done < bytes.length) {
      this.fault = domain.translate(page, write, hit, this.requester, pasid);
      if (this.fault !== DMA_FAULT.NONE) break;
      const size = Math.min(hit.pages * PAGE_SIZE - offset, bytes.length - done);
      const address = addressOfPage(hit.page) + BigInt(offset);
      const piece = bytes.subarray(done, done + size);
      const target = hit.target;
      const moved = target?.alive ? this.#move(target, address, piece, write, snooped, iova + BigInt(done)) : 0;
      if (write && moved > 0) hit.dirty?.mark(hit.dirtyPage, Math.ceil((offset + moved) / PAGE_SIZE));
      done += moved;
      if (moved < size) {
        // The process is gone, or took the page away from under its own mapping.
        this.fault = DMA_FAULT.NOT_MAPPED;
        break;
      }
      page += (offset + size) / PAGE_SIZE;
      offset = 0;
    }
    return done;
  }

  #move(target: DmaTarget, address: bigint, piece: Uint8Array, write: boolean, snooped: boolean, iova: bigint): number {
    if (this.caches?.strict) {
      return this.caches.transfer(target, address, piece, write, snooped, this.requester.name, iova);
    }
    return write ? target.memory.write(address, piece) : target.memory.read(address, piece);
  }
}
