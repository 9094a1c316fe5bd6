/** Pages under a mapping: pinned and charged when it is made, translated while it lasts, given back when it goes. */
import { addressOfPage, hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { MAP_READ, MAP_WRITE, type PagingDomain } from '../../iommu/paging/paging-domain.js';
import { type Backing, countFrames, type FrameRun } from '../../memory/backing.js';
import type { Mm } from '../../memory/mm.js';
import { type DmaMapping, lastPage } from './mappings.js';

/** What pages.ts needs of a container. */
export interface Translations {
  readonly io: PagingDomain<Backing>;
}

/** Pages whose frames are ordinary memory: those are charged; registers of a device are not. */
function chargeable(runs: readonly FrameRun[]): number {
  return countFrames(runs.filter(({ backing }) => !backing.isDevice));
}

/**
 * Finds the frames of a user's pages and charges them.
 * @param write devices may write
 * @returns the frames, and how many pages were charged
 * @throws EFAULT not mapped, or not writable when wanted; ENOMEM over RLIMIT_MEMLOCK
 */
export function reach(mm: Mm, vaddr: bigint, pages: number, write: boolean): { runs: FrameRun[]; charged: number } {
  const runs = mm.memory.frames(vaddr, pages, write);
  const charged = chargeable(runs);
  // Linux pins and charges page after page, so that whichever ends first is the error.
  mm.charge(charged);
  const found = countFrames(runs);
  if (found < pages) {
    mm.uncharge(charged);
    const at = vaddr + addressOfPage(found);
    throw new Errno(
      'EFAULT',
      `${hex(at)} is not mapped${write ? ' writable' : ''} in the process, or cannot be pinned`,
    );
  }
  return { runs, charged };
}

/**
 * Pins the frames of a mapping and lets devices reach them.
 * @throws ENOMEM too many different memories are mapped; nothing is left behind
 */
export function install({ io }: Translations, mapping: DmaMapping): void {
  const flags = (mapping.read ? MAP_READ : 0) | (mapping.write ? MAP_WRITE : 0);
  let page = mapping.first;
  for (const { backing, frame, frames } of mapping.runs) {
    if (!io.insert(page, frames, backing, frame, flags)) {
      uninstall(io, mapping.first, page - 1);
      unpin(mapping.runs, page - mapping.first);
      throw new Errno('ENOMEM', 'the container maps too many different memories');
    }
    backing.pin(frame, frames);
    page += frames;
  }
}

/** Takes a mapping from the devices, unpins its frames and gives its charge back. */
export function forget({ io }: Translations, mapping: DmaMapping): void {
  uninstall(io, mapping.first, lastPage(mapping));
  unpin(mapping.runs, mapping.pages);
  mapping.mm.uncharge(mapping.charged);
}

function uninstall(io: PagingDomain<Backing>, first: number, last: number): void {
  for (let more = io.map.seek(first); more && io.map.start <= last; ) more = io.remove();
}

/** Unpins the runs that make up the first pages of a mapping. */
function unpin(runs: readonly FrameRun[], pages: number): void {
  let left = pages;
  for (const { backing, frame, frames } of runs) {
    if (left <= 0) return;
    backing.unpin(frame, frames);
    left -= frames;
  }
}
