/** An address space as a window: which of its pages are mapped, permitted, and written by devices; of any kind that has one. */
import { hex, U64_MAX } from '../abi/address.js';
import type { BootedMachine } from '../boot.js';
import type { SpaceWindow, WindowQuery } from './source.js';
import { spaceOf } from './space/spaces.js';
import { lookAt } from './window.js';

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
  return {
    mappings: space.mappings.count,
    ...lookAt(space.mappings, first, last, query.columns, space.describe),
    permitted: space.permitted.map((range) => ({ first: hex(range.start), last: hex(range.last) })),
    dirty: space.dirty(first, last),
    reachedBy: space.reachedBy,
  };
}
