/** Taking mappings out of an I/O address space, whole ones (linux-iommufd.md, 4) or, for VFIO's type 1, cut ones (14). */
import { hex, U64_MAX } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { allocation } from '../memory/allocation.js';
import { Area } from './area.js';
import type { IoPageTable } from './io-page-table.js';

/** How often the users of an area are asked to let it go. */
const MAX_TRIES = 100;

/** What came of an unmap: the bytes that are gone, also where it then stopped with an error. */
export interface Unmapped {
  readonly bytes: bigint;
  readonly error: Errno | undefined;
}

/**
 * Unmaps every area in [start, last], in rising order. It stops, and leaves the rest, at an area that reaches over the range
 * (ENOENT), that is locked (EBUSY), or whose users do not let go (EDEADLK).
 */
export function unmapRange(table: IoPageTable, start: bigint, last: bigint): Unmapped {
  let bytes = 0n;
  let from = start;
  let tries = 0;
  for (let area = table.areas.touching(from, last); area; area = table.areas.touching(from, last)) {
    const error = obstacle(area, from, last, tries);
    if (error) return { bytes, error };
    if (area.pins > 0) {
      tries = area.start === from ? tries + 1 : 1;
      from = area.start;
      area.closing = true;
      for (const access of [...table.accesses]) access.unmap?.(area.start, area.length);
      continue;
    }
    table.detach(area);
    bytes += area.length;
    tries = 0;
    if (area.last >= last) break;
    from = area.last + 1n;
  }
  return { bytes, error: undefined };
}

/** Unmaps everything, whatever it takes: the end of the address space. */
export function unmapAll(table: IoPageTable): Unmapped {
  return unmapRange(table, 0n, U64_MAX);
}

function obstacle(area: Area, start: bigint, last: bigint, tries: number): Errno | undefined {
  if (area.locks > 0) return new Errno('EBUSY', `the mapping at ${hex(area.start)} is locked by a hardware queue`);
  if (area.start < start || area.last > last) {
    return new Errno('ENOENT', `the range cuts the mapping ${hex(area.start)}-${hex(area.last)}`);
  }
  if (tries > MAX_TRIES) return new Errno('EDEADLK', `the pins of the mapping at ${hex(area.start)} are not dropped`);
  return undefined;
}

/**
 * Makes areas end at `last` and begin behind it, if one goes over it.
 * @throws EBUSY it is being unmapped; EOPNOTSUPP memory of a device; EINVAL not aligned, pinned, or perhaps in large pages
 */
export function cutAfter(table: IoPageTable, last: bigint): void {
  const area = table.areas.at(last);
  if (!area || last === area.start || last === area.last) return;
  if (area.closing) throw new Errno('EBUSY', `the mapping at ${hex(area.start)} is being unmapped`);
  if (area.pages.source.kind === 'dma-buf') {
    throw new Errno('EOPNOTSUPP', `the mapping at ${hex(area.start)} is a dma-buf, which cannot be cut`);
  }
  const next = last + 1n;
  if (((next | area.byteOf(next)) & (table.alignment - 1n)) !== 0n) {
    throw new Errno('EINVAL', `a cut at ${hex(next)} is not aligned to ${table.alignment}`);
  }
  if (area.pins > 0) throw new Errno('EINVAL', `the mapping at ${hex(area.start)} is pinned, and cannot be cut`);
  if (table.domains.length > 0 && table.largePages) {
    throw new Errno('EINVAL', `the mapping at ${hex(area.start)} may be in large pages, and cannot be cut`);
  }
  allocation('an area');
  const { pages, access } = area;
  const low = new Area(area.start, last, pages, area.startByte, access);
  const high = new Area(next, area.last, pages, area.byteOf(next), access);
  if (table.domains.length > 0) {
    // Each half holds its pages before the whole lets go, so that nothing is pinned again.
    for (const half of [low, high]) {
      pages.hold(half.firstPage, half.lastPage);
      table.followed.add(half);
    }
    table.followed.remove(area);
    pages.drop(area.firstPage, area.lastPage);
  }
  pages.get();
  table.areas.remove(area);
  table.areas.insert(low);
  table.areas.insert(high);
}
