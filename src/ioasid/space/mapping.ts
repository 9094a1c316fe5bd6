/** MAP_DMA and UNMAP_DMA (uapi-ioasid.md, 2.1 and 2.2): type1v2 mappings, their limits and their accounting. */
import { addressOfPage, hex, last, PAGE_SIZE, pageOf, sumWraps } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { MAP_CHARGED, MAP_WRITE, MAX_OWNERS } from '../../iommu/paging/paging-domain.js';
import { inside } from '../../iommu/unit.js';
import { allocation } from '../../memory/allocation.js';
import type { Mm } from '../../memory/mm.js';
import type { AddressSpace } from './address-space.js';
import type { Constraints } from './constraints.js';
import type { RegisteredMemory } from './registered-memory.js';

/**
 * Checks an IOVA range: alignment, then wrap.
 * @throws EINVAL, EOVERFLOW
 */
export function checkRange(constraints: Constraints, what: string, address: bigint, size: bigint): void {
  const smallest = constraints.pageSizes & -constraints.pageSizes;
  if ((address & (smallest - 1n)) !== 0n) {
    throw new Errno('EINVAL', `${what} ${hex(address)} is not a multiple of ${smallest}`);
  }
  if (size === 0n) throw new Errno('EINVAL', 'size is 0');
  if ((size & (smallest - 1n)) !== 0n) throw new Errno('EINVAL', `size ${hex(size)} is not a multiple of ${smallest}`);
  if (sumWraps(address, size)) throw new Errno('EOVERFLOW', `${what} ${hex(address)} + size ${hex(size)} wraps`);
}

/**
 * Maps [iova, iova+size) to the caller's [vaddr, vaddr+size), or, in a child, to the parent's IOVA `vaddr`.
 * @param access MAP_READ, MAP_WRITE: what devices may do
 * @throws EINVAL, EOVERFLOW, EEXIST, EFAULT, EPERM, ENOMEM as 2.1 lists them
 */
export function mapDma(
  space: AddressSpace,
  mm: Mm,
  registered: RegisteredMemory,
  access: number,
  vaddr: bigint,
  iova: bigint,
  size: bigint,
): void {
  const constraints = space.usable();
  refuseUserTable(space);
  if (access === 0) throw new Errno('EINVAL', 'neither READ nor WRITE is asked for');
  checkRange(constraints, 'iova', iova, size);
  checkRange(constraints, 'vaddr', vaddr, size);
  if (space.accountingRoot && iova !== vaddr) {
    throw new Errno(
      'EINVAL',
      `an accounting root maps addresses to themselves: iova ${hex(iova)}, vaddr ${hex(vaddr)}`,
    );
  }
  if (!inside(constraints.ranges, iova, last(iova, size))) {
    throw new Errno(
      'EINVAL',
      `${hex(iova)}-${hex(last(iova, size))} is outside the permitted ranges of IOASID ${space.id}`,
    );
  }
  const { mappings } = space;
  const page = pageOf(iova);
  const pages = pageOf(size);
  const target = pageOf(vaddr);
  if (mappings.map.overlaps(page, page + pages - 1)) {
    throw new Errno(
      'EEXIST',
      `iova ${hex(iova)}+${hex(size)} overlaps the mapping at ${hex(addressOfPage(mappings.map.start))}`,
    );
  }
  if (space.parent) {
    checkParent(space.parent, target, pages, access);
    allocation('a mapping');
    if (!mappings.insert(page, pages, mm, target, access)) throw tooManyOwners(space);
    return;
  }
  const region = registered.find(mm, vaddr, size);
  if (registered.any && !region) {
    throw new Errno('EPERM', `vaddr ${hex(vaddr)}+${hex(size)} is outside the registered memory`);
  }
  const bad = mm.memory.unpinnable(vaddr, size, (access & MAP_WRITE) !== 0);
  if (bad !== undefined) {
    const writable = access & MAP_WRITE ? ' writable' : '';
    throw new Errno('EFAULT', `vaddr ${hex(bad)} is not mapped${writable} in process memory`);
  }
  allocation('a list of pages');
  allocation('a mapping');
  if (!region) mm.charge(pages);
  if (!mappings.insert(page, pages, mm, target, access | (region ? 0 : MAP_CHARGED))) {
    if (!region) mm.uncharge(pages);
    throw tooManyOwners(space);
  }
  if (region) region.mappings++;
}

/** @throws EINVAL the user's own table says what is mapped */
export function refuseUserTable(space: AddressSpace): void {
  if (space.userTable) throw new Errno('EINVAL', `IOASID ${space.id} has a user's table: it is changed, not mapped`);
}

function tooManyOwners(space: AddressSpace): Errno {
  return new Errno('ENOMEM', `IOASID ${space.id} maps the memory of ${MAX_OWNERS} processes already`);
}

/** The parent must map all of the pages, with at least these permissions. @throws EFAULT */
function checkParent(parent: AddressSpace, first: number, pages: number, access: number): void {
  const { map } = parent.mappings;
  for (let page = first; page < first + pages; page = map.start + map.pages) {
    if (!map.find(page)) {
      throw new Errno('EFAULT', `IOASID ${parent.id}, the parent, does not map ${hex(addressOfPage(page))}`);
    }
    if ((map.tag & access) !== access) {
      throw new Errno(
        'EFAULT',
        `IOASID ${parent.id}, the parent, maps ${hex(addressOfPage(page))} with less permission`,
      );
    }
  }
}

/**
 * Unmaps the whole mappings of [iova, iova+size).
 * @returns bytes unmapped, > 0
 * @throws EINVAL would cut a mapping; ENOENT nothing is mapped there; EOVERFLOW
 */
export function unmapDma(space: AddressSpace, registered: RegisteredMemory, iova: bigint, size: bigint): bigint {
  const constraints = space.usable();
  refuseUserTable(space);
  checkRange(constraints, 'iova', iova, size);
  const { map } = space.mappings;
  const first = pageOf(iova);
  const end = first + pageOf(size);
  if (!map.seek(first) || map.start >= end) {
    throw new Errno('ENOENT', `nothing is mapped in ${hex(iova)}+${hex(size)} of IOASID ${space.id}`);
  }
  // Mappings are disjoint, so only the first and the last can reach over the range.
  if (map.start < first) throw cuts(map.start, map.pages);
  if (map.seek(end - 1) && map.start < end && map.start + map.pages > end) throw cuts(map.start, map.pages);
  return removeMappings(space, registered, first, end);
}

function cuts(start: number, pages: number): Errno {
  const iova = hex(addressOfPage(start));
  return new Errno('EINVAL', `the range cuts the mapping at ${iova}, size ${hex(pages * PAGE_SIZE)}`);
}

/** Takes away every mapping that starts in the pages [first, end), and gives its charge back. Returns bytes. */
export function removeMappings(space: AddressSpace, registered: RegisteredMemory, first: number, end: number): bigint {
  const { mappings } = space;
  const { map } = mappings;
  let pages = 0;
  for (let more = map.seek(first); more && map.start < end; ) {
    pages += map.pages;
    if (!space.parent) {
      const owner = mappings.owner();
      if (map.tag & MAP_CHARGED) owner.uncharge(map.pages);
      else {
        const region = registered.find(owner, addressOfPage(map.target), addressOfPage(map.pages));
        if (region) region.mappings--;
      }
    }
    more = mappings.remove();
  }
  return addressOfPage(pages);
}
