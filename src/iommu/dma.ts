/**
 * DMA: how a device's requests reach memory. Each page is translated and its permission checked; pages that follow each
 * other in IOVA and in memory are moved in one piece.
 */
import { addressOfPage, offsetInPage, PAGE_SIZE, pageOf } from '../abi/address.js';
import type { DmaTarget, MemoryPiece } from '../memory/dma-target.js';
import { DMA_FAULT, type DmaFault, type Hit } from './domain.js';
import { type PageRequest, PageRequestGroup, type PageResponse } from './page-request.js';
import type { Route } from './pasid-table.js';
import type { Requester } from './requester.js';

/** What every request carries beside its address. */
export interface DmaAttributes {
  /** The device asks not to snoop the CPU caches. */
  readonly noSnoop: boolean;
  /** PASID as the user numbers it; undefined: the request is routed by requester ID, or by `wire`. */
  readonly pasid: number | undefined;
  /** PASID as it is on the wire, for work that came by ENQCMD. */
  readonly wire?: number | undefined;
  /** The memory is the device's queue or descriptor ring, or where it tells of completions: not data. */
  readonly queue?: boolean;
}

/** Requests that snoop, without a PASID. */
export const PLAIN: DmaAttributes = { noSnoop: false, pasid: undefined };
/** The same, to queues, descriptors and completions. */
export const OF_QUEUE: DmaAttributes = { ...PLAIN, queue: true };

/** How far a transfer came, and why no further. */
export interface DmaResult {
  /** Bytes. */
  readonly moved: number;
  /** NONE: all of it was moved. */
  readonly fault: DmaFault;
}

/** A range of I/O virtual addresses, and the bytes that go there or come from there. */
export interface DmaPiece {
  /** Any 64-bit address, bytes. */
  readonly iova: bigint;
  readonly bytes: Uint8Array;
}

/** A transfer that stopped before its end, for whoever watches. */
export interface DmaStop {
  /** Name of the requester. */
  readonly device: string;
  /** Where it stopped. */
  readonly iova: bigint;
  readonly write: boolean;
  /** Bytes that were not moved. */
  readonly left: number;
  readonly fault: DmaFault;
  /** It is mapped, but the memory behind it is not there any more. */
  readonly gone: boolean;
  readonly busMaster: boolean;
  /** It was to the device's queue, not to data. */
  readonly queue: boolean;
}

/** A transfer, for whoever watches. */
export interface DmaTransfer {
  /** Name of the requester. */
  readonly device: string;
  readonly iova: bigint;
  readonly write: boolean;
  /** As the user numbers it; undefined: without. */
  readonly pasid: number | undefined;
  /** Bytes. */
  readonly moved: number;
  /** NONE: all of it was moved; else why it stopped behind `moved`. */
  readonly fault: DmaFault;
}

/** What somebody wants to be told of a device's DMA. */
export interface DmaWatcher {
  /** Told of each transfer that stops, unless the device asks for the page. */
  stopped?(stop: DmaStop): void;
  /** Told of each transfer. */
  moved?(transfer: DmaTransfer): void;
}

/** Numbers of page request groups: 9 bits. */
const GROUP_INDICES = 512;

export class DmaPort {
  readonly requester: Requester;
  /** False: the function may not issue requests (PCI command register, Bus Master Enable). */
  busMaster = true;
  /** Asked before each transfer: is it to be aborted on its way? Undefined: none is. */
  aborts: (() => boolean) | undefined;
  #watchers: readonly DmaWatcher[] = [];
  readonly #hit: Hit = { target: undefined, page: 0, pages: 0, dirty: undefined, dirtyPage: 0 };
  #nextGroup = 0;

  constructor(requester: Requester) {
    this.requester = requester;
  }

  /** Tells somebody of the DMA. Returns what takes him off the list again. */
  watch(watcher: DmaWatcher): () => void {
    this.#watchers = [...this.#watchers, watcher];
    return () => {
      this.#watchers = this.#watchers.filter((each) => each !== watcher);
    };
  }

  /**
   * Reads memory.
   * @param iova any 64-bit address, bytes
   */
  read(iova: bigint, into: Uint8Array, attributes: DmaAttributes): DmaResult {
    return this.#transfer(iova, into, false, attributes);
  }

  /** Writes memory; see read(). */
  write(iova: bigint, from: Uint8Array, attributes: DmaAttributes): DmaResult {
    return this.#transfer(iova, from, true, attributes);
  }

  /**
   * Moves many ranges in their order, where the memory can in one go.
   * @param write to memory, not from it
   * @returns bytes of all of them together
   */
  moveAll(pieces: readonly DmaPiece[], write: boolean, attributes: DmaAttributes): DmaResult {
    const gathered = this.aborts ? undefined : this.#gather(pieces, write, attributes);
    const wanted = pieces.reduce((all, { bytes }) => all + bytes.length, 0);
    // What could not be moved together is moved one by one: only that tells how far it goes.
    if (gathered?.target.memory.move?.(gathered.pieces, write) === wanted) {
      for (const { iova, bytes } of pieces) this.#tell(iova, write, attributes, bytes.length, DMA_FAULT.NONE);
      return { moved: wanted, fault: DMA_FAULT.NONE };
    }
    let moved = 0;
    for (const { iova, bytes } of pieces) {
      const result = this.#transfer(iova, bytes, write, attributes);
      moved += result.moved;
      if (result.fault !== DMA_FAULT.NONE) return { moved, fault: result.fault };
    }
    return { moved, fault: DMA_FAULT.NONE };
  }

  /** All ranges as pieces of one memory; undefined: they are not, or each access has to be looked at. */
  #gather(
    ranges: readonly DmaPiece[],
    write: boolean,
    attributes: DmaAttributes,
  ): { target: DmaTarget; pieces: MemoryPiece[] } | undefined {
    const routed = this.#route(attributes);
    if (!routed || this.requester.unit.caches) return undefined;
    const hit = this.#hit;
    const pieces: MemoryPiece[] = [];
    let target: DmaTarget | undefined;
    for (const { iova, bytes } of ranges) {
      let page = pageOf(iova);
      let offset = offsetInPage(iova);
      for (let done = 0; done < bytes.length; ) {
        const fault = routed.route.domain.translate(page, write, hit, this.requester, routed.pasid);
        target ??= hit.target;
        if (fault !== DMA_FAULT.NONE || !hit.target?.alive || hit.target !== target) return undefined;
        const size = Math.min(hit.pages * PAGE_SIZE - offset, bytes.length - done);
        pieces.push({ address: addressOfPage(hit.page) + BigInt(offset), bytes: bytes.subarray(done, done + size) });
        if (write) hit.dirty?.mark(hit.dirtyPage, Math.ceil((offset + size) / PAGE_SIZE));
        done += size;
        page += (offset + size) / PAGE_SIZE;
        offset = 0;
      }
    }
    return target && { target, pieces };
  }

  /**
   * Asks for pages that a transfer did not reach.
   * @param fault why it stopped: only a missing page, or one without permission, can be asked for
   * @param resume called once, later, with the answer
   * @returns what the device waits for; undefined if it cannot ask, or nobody answers
   */
  request(
    fault: DmaFault,
    requests: readonly PageRequest[],
    attributes: DmaAttributes,
    resume: (response: PageResponse) => void,
  ): PageRequestGroup | undefined {
    const recoverable = fault === DMA_FAULT.NOT_MAPPED || fault === DMA_FAULT.NO_PERMISSION;
    if (!recoverable || !this.requester.capabilities.pri) return undefined;
    const routed = this.#route(attributes);
    if (!routed?.route.faults) return undefined;
    const index = this.#nextGroup;
    this.#nextGroup = (index + 1) % GROUP_INDICES;
    const pages = requests.map((it) => ({ ...it, address: it.address & ~BigInt(PAGE_SIZE - 1) }));
    const group = new PageRequestGroup(this.requester, routed.pasid, index, pages, resume);
    return routed.route.faults.deliver(group) ? group : undefined;
  }

  /** The route of a request, and the PASID as the user numbers it; undefined: blocked. */
  #route({ pasid, wire }: DmaAttributes): { route: Route; pasid: number | undefined } | undefined {
    const { requester } = this;
    if (!this.busMaster) return undefined;
    if (pasid === undefined && wire === undefined) return requester.route && { route: requester.route, pasid };
    const entry = requester.entry(wire ?? requester.wire.get(pasid ?? 0));
    if (entry) return { route: entry.route, pasid: entry.user };
    return requester.route?.domain.wholePasidSpace ? { route: requester.route, pasid } : undefined;
  }

  #tell(iova: bigint, write: boolean, { pasid }: DmaAttributes, moved: number, fault: DmaFault): void {
    for (const watcher of this.#watchers)
      watcher.moved?.({ device: this.requester.name, iova, write, pasid, moved, fault });
  }

  #transfer(iova: bigint, bytes: Uint8Array, write: boolean, attributes: DmaAttributes): DmaResult {
    const result = this.#carry(iova, bytes, write, attributes);
    if (this.#watchers.length > 0) this.#tell(iova, write, attributes, result.moved, result.fault);
    return result;
  }

  #carry(iova: bigint, bytes: Uint8Array, write: boolean, attributes: DmaAttributes): DmaResult {
    // Nobody's fault: those who look for mistakes are not told.
    if (this.aborts?.()) return { moved: 0, fault: DMA_FAULT.ABORTED };
    const routed = this.#route(attributes);
    if (!routed) return this.#stop(iova, write, bytes.length, 0, DMA_FAULT.BLOCKED, attributes);
    const { domain } = routed.route;
    const snooped = !attributes.noSnoop || domain.enforceSnoop;
    const hit = this.#hit;
    let page = pageOf(iova);
    let offset = offsetInPage(iova);
    let done = 0;
    while (done < bytes.length) {
      const fault = domain.translate(page, write, hit, this.requester, routed.pasid);
      if (fault !== DMA_FAULT.NONE) {
        // A device that can ask for pages meets missing ones as a matter of course.
        const asks = this.requester.capabilities.pri && routed.route.faults !== undefined;
        return asks ? { moved: done, fault } : this.#stop(iova, write, bytes.length, done, fault, attributes);
      }
      const size = Math.min(hit.pages * PAGE_SIZE - offset, bytes.length - done);
      const address = addressOfPage(hit.page) + BigInt(offset);
      const piece = bytes.subarray(done, done + size);
      const target = hit.target;
      const moved = target?.alive ? this.#move(target, address, piece, write, snooped, iova + BigInt(done)) : 0;
      if (write && moved > 0) hit.dirty?.mark(hit.dirtyPage, Math.ceil((offset + moved) / PAGE_SIZE));
      done += moved;
      // The process is gone, or took the page away from under its own mapping.
      if (moved < size) return this.#stop(iova, write, bytes.length, done, DMA_FAULT.NOT_MAPPED, attributes, true);
      page += (offset + size) / PAGE_SIZE;
      offset = 0;
    }
    return { moved: done, fault: DMA_FAULT.NONE };
  }

  #stop(
    iova: bigint,
    write: boolean,
    size: number,
    done: number,
    fault: DmaFault,
    { queue = false }: DmaAttributes,
    gone = false,
  ): DmaResult {
    for (const watcher of this.#watchers) {
      watcher.stopped?.({
        ...{ device: this.requester.name, write, fault, gone, busMaster: this.busMaster, queue },
        ...{ iova: iova + BigInt(done), left: size - done },
      });
    }
    return { moved: done, fault };
  }

  #move(target: DmaTarget, address: bigint, piece: Uint8Array, write: boolean, snooped: boolean, iova: bigint): number {
    const { unit, name } = this.requester;
    if (unit.caches) return unit.caches.transfer(target, address, piece, write, snooped, name, iova);
    return write ? target.memory.write(address, piece) : target.memory.read(address, piece);
  }
}
