/**
 * Memory that a process registered with a context (uapi-ioasid.md, 2 and 2.1 Accounting): charged once, however often
 * it is mapped. While a context has any, only registered memory can be mapped there.
 */
import { hex, isPageAligned, PAGE_SIZE, pageOf, sumWraps } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { allocation } from '../../memory/allocation.js';
import type { Mm } from '../../memory/mm.js';

interface Region {
  readonly mm: Mm;
  readonly start: bigint;
  readonly end: bigint;
  /** Mappings inside it. */
  mappings: number;
}

export class RegisteredMemory {
  readonly #regions = new Set<Region>();

  /** A process that still lives registered some. */
  get any(): boolean {
    for (const region of this.#regions) if (region.mm.alive) return true;
    return false;
  }

  /**
   * Registers [vaddr, vaddr+size).
   * @throws EINVAL not whole pages; EOVERFLOW; EEXIST overlaps registered memory; EFAULT not mapped; ENOMEM
   */
  register(mm: Mm, vaddr: bigint, size: bigint): void {
    check(vaddr, size);
    for (const region of this.#regions) {
      if (region.mm === mm && region.start < vaddr + size && vaddr < region.end) {
        throw new Errno('EEXIST', `${hex(vaddr)}+${hex(size)} overlaps registered memory at ${hex(region.start)}`);
      }
    }
    const bad = mm.memory.unpinnable(vaddr, size, false);
    if (bad !== undefined) throw new Errno('EFAULT', `vaddr ${hex(bad)} is not mapped in the process`);
    allocation('a registration');
    mm.charge(pageOf(size));
    this.#regions.add({ mm, start: vaddr, end: vaddr + size, mappings: 0 });
  }

  /**
   * Takes a registration back; it must be named as it was made.
   * @throws ENOENT no such registration; EBUSY something in it is mapped
   */
  unregister(mm: Mm, vaddr: bigint, size: bigint): void {
    check(vaddr, size);
    for (const region of this.#regions) {
      if (region.mm !== mm || region.start !== vaddr || region.end !== vaddr + size) continue;
      if (region.mappings > 0) {
        throw new Errno('EBUSY', `${region.mappings} mappings are in the registered memory at ${hex(vaddr)}`);
      }
      this.#regions.delete(region);
      mm.uncharge(pageOf(size));
      return;
    }
    throw new Errno('ENOENT', `the process has not registered ${hex(vaddr)}+${hex(size)} here`);
  }

  /** The registration that holds all of [vaddr, vaddr+size). */
  find(mm: Mm, vaddr: bigint, size: bigint): Region | undefined {
    for (const region of this.#regions) {
      if (region.mm === mm && region.start <= vaddr && vaddr + size <= region.end) return region;
    }
    return undefined;
  }

  /** The context closes: everything is given back. */
  clear(): void {
    for (const { mm, start, end } of this.#regions) mm.uncharge(pageOf(end - start));
    this.#regions.clear();
  }
}

function check(vaddr: bigint, size: bigint): void {
  if (!isPageAligned(vaddr)) throw new Errno('EINVAL', `vaddr ${hex(vaddr)} is not a multiple of ${PAGE_SIZE}`);
  if (size === 0n || !isPageAligned(size))
    throw new Errno('EINVAL', `size ${hex(size)} is not a positive multiple of ${PAGE_SIZE}`);
  if (sumWraps(vaddr, size)) throw new Errno('EOVERFLOW', `vaddr ${hex(vaddr)} + size ${hex(size)} wraps`);
}
