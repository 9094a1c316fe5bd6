/**
 * Memory that user space may map through the iommufd (linux-iommufd.md, 12): pages that a driver handed out, each at an offset
 * of its own. A mapping keeps the object that owns the pages.
 */
import { hex, PAGE_SIZE } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { MmapGrant, MmapRequest } from '../kernel/file/open-file.js';
import { type GrowingMemory, PlainMemory } from '../kernel/plain-memory.js';
import type { IommufdObject } from './objects.js';

const PAGE = BigInt(PAGE_SIZE);
const PROT_EXEC = 4;

/** One range of offsets. */
class MmapRange {
  readonly offset: bigint;
  readonly memory: PlainMemory;
  readonly owner: IommufdObject;
  /** Mappings that keep the owner, as last seen. */
  mappings = 0;

  constructor(offset: bigint, memory: PlainMemory, owner: IommufdObject) {
    this.offset = offset;
    this.memory = memory;
    this.owner = owner;
  }
}

export class Mmaps implements GrowingMemory {
  readonly #ranges = new Map<bigint, MmapRange>();
  count: ((offset: bigint) => number) | undefined;

  /** Makes pages that can be mapped, at the lowest free offset from one page on. */
  offer(size: number, owner: IommufdObject): MmapRange {
    let offset = PAGE;
    for (const range of [...this.#ranges.values()].sort((a, b) => (a.offset < b.offset ? -1 : 1))) {
      if (range.offset >= offset + BigInt(size)) break;
      offset = range.offset + BigInt(range.memory.size);
    }
    const range = new MmapRange(offset, new PlainMemory(size), owner);
    this.#ranges.set(offset, range);
    return range;
  }

  /** The owner is gone. */
  withdraw(owner: IommufdObject): void {
    for (const [offset, range] of this.#ranges) if (range.owner === owner) this.#ranges.delete(offset);
  }

  /** @throws EINVAL not whole pages, or private; EPERM executable; ENXIO no such pages, or a part of them */
  map({ offset, size, shared, prot }: MmapRequest): MmapGrant {
    if (size % PAGE !== 0n) throw new Errno('EINVAL', `size ${hex(size)} is not a multiple of ${PAGE_SIZE}`);
    if (!shared) throw new Errno('EINVAL', 'these pages can only be mapped shared');
    if (prot & PROT_EXEC) throw new Errno('EPERM', 'these pages cannot be executed');
    const range = this.#ranges.get(offset);
    if (!range || BigInt(range.memory.size) !== size) {
      throw new Errno('ENXIO', `no pages of ${hex(size)} bytes were handed out at offset ${hex(offset)}`);
    }
    range.mappings++;
    range.owner.users++;
    return { memory: range.memory, offset: 0 };
  }

  /** Looks which mappings of an object's pages are still there. */
  refresh(owner: IommufdObject): void {
    for (const range of this.#ranges.values()) {
      if (range.owner !== owner || range.mappings === 0) continue;
      const now = this.count?.(range.offset) ?? range.mappings;
      owner.users -= range.mappings - now;
      range.mappings = now;
    }
  }
}
