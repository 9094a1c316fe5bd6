/** The address space of an IOASID as a window: which of its pages are mapped, permitted, and written by devices. */
import { addressOfPage, hex, pageOf, U64_MAX } from '../abi/address.js';
import type { BootedMachine } from '../boot.js';
import type { AddressSpace } from '../ioasid/space/address-space.js';
import { MAP_READ, MAP_WRITE } from '../iommu/paging/paging-domain.js';
import { spaceId } from './snapshot.js';
import type { Range, SpaceWindow, WindowQuery } from './source.js';
import { lookAt } from './window.js';

/** Ranges of dirty pages that one answer tells. */
const MAX_DIRTY = 4096;
/** Bits of a tag below the owner. */
const OWNER_SHIFT = 3;

function spaceOf(machine: BootedMachine, id: string): AddressSpace | undefined {
  let number = 0;
  for (const context of machine.contexts) {
    number++;
    for (const space of context.spaces()) if (spaceId(number, space.id) === id) return space;
  }
  return undefined;
}

function dirtyRanges(space: AddressSpace, first: bigint, last: bigint): Range[] {
  const ranges: Range[] = [];
  const pages: number[] = [];
  const start = pageOf(first);
  space.mappings.dirty?.forEach(start, pageOf(last) - start + 1, (page) => {
    if (pages.length < MAX_DIRTY) pages.push(page);
  });
  pages.sort((a, b) => a - b);
  for (let i = 0; i < pages.length; ) {
    let end = i + 1;
    while (pages[end] === (pages[end - 1] as number) + 1) end++;
    const from = addressOfPage(pages[i] as number);
    ranges.push({ first: hex(from), last: hex(from + addressOfPage(end - i) - 1n) });
    i = end;
  }
  return ranges;
}

/**
 * Answers a query.
 * @throws RangeError there is no such address space, or the addresses are none
 */
export function spaceWindow(machine: BootedMachine, query: WindowQuery): SpaceWindow {
  const space = spaceOf(machine, query.space);
  if (!space) throw new RangeError(`no address space '${query.space}'`);
  const [first, last] = [BigInt(query.first), BigInt(query.last)];
  if (first < 0n || last > U64_MAX || first > last) {
    throw new RangeError(`${query.first} to ${query.last} is no range of addresses`);
  }
  const describe = (tag: number) => ({
    access: `${tag & MAP_READ ? 'r' : ''}${tag & MAP_WRITE ? 'w' : ''}`,
    owner: tag >>> OWNER_SHIFT,
  });
  return {
    mappings: space.mappings.map.count,
    ...lookAt(space.mappings.map, first, last, query.columns, describe),
    permitted: (space.constraints?.ranges ?? []).map((range) => ({ first: hex(range.start), last: hex(range.last) })),
    dirty: dirtyRanges(space, first, last),
  };
}
