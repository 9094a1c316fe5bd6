/** What devices did lately in one address space, as marks on the line of its addresses. */
import type { Activity, Reach, Touch } from '../../../src/inspect/source.js';

/** Where a device was, or was stopped. */
export interface Mark {
  readonly kind: 'dma' | 'fault';
  readonly device: string;
  readonly pasid: number | undefined;
  readonly first: bigint;
  /** Inclusive. */
  readonly last: bigint;
  /** Milliseconds. */
  readonly time: number;
  /** In words. */
  readonly what: string;
}

function markOf(device: string, { first, last, time, write, pasid, fault }: Touch): Mark {
  const verb = write ? 'write' : 'read';
  return {
    kind: fault === undefined ? 'dma' : 'fault',
    ...{ device, pasid, time },
    ...{ first: BigInt(first), last: BigInt(last) },
    what: fault === undefined ? verb : `${verb} stopped: ${fault}`,
  };
}

/**
 * The marks of an address space, the newest first.
 * @param reachedBy whose requests it translates
 * @param nameOf what the user calls a function
 */
export function marksOf(activity: Activity, reachedBy: readonly Reach[], nameOf: (device: string) => string): Mark[] {
  const marks = activity.flatMap(({ device, recent, faults }) => {
    const mine = reachedBy.filter((reach) => reach.device === device);
    return [...recent, ...faults]
      .filter(({ pasid }) => mine.some((reach) => reach.pasid === pasid))
      .map((touch) => markOf(nameOf(device), touch));
  });
  return marks.sort((a, b) => b.time - a.time);
}
