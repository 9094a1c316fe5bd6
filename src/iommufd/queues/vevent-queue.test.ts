import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { IOMMUFD, iommufd_vevent_header } from '../../abi/iommufd.js';
import { IommufdObject } from '../objects.js';
import { VeventQueue } from './vevent-queue.js';

const HEADER = iommufd_vevent_header.size;
const LOST = IOMMUFD.IOMMU_VEVENTQ_FLAG_LOST_EVENTS;

class Owner extends IommufdObject {
  readonly kind = 'viommu';
  destroy(): void {}
}

function setup(depth: number) {
  const owner = new Owner();
  const left: VeventQueue[] = [];
  const queue = new VeventQueue(1, owner, depth, (gone) => left.push(gone));
  const report = (...values: number[]) => {
    for (const value of values) queue.report(new Uint8Array([value, 0, 0, 0]));
  };
  /** Sequence number and value of each record; a lost record has no value. */
  const read = (size = 4096): string[] => {
    const bytes = new Uint8Array(size);
    const got = queue.read(bytes);
    const view = new DataView(bytes.buffer);
    const records: string[] = [];
    for (let at = 0; at < got; ) {
      const { get } = iommufd_vevent_header;
      const lost = get.flags(view, at) === LOST;
      records.push(`${get.sequence(view, at)}${lost ? ' lost' : ` = ${bytes[at + HEADER]}`}`);
      at += HEADER + (lost ? 0 : 4);
    }
    return records;
  };
  return { owner, left, queue, report, read };
}

describe('a queue of events of a virtual IOMMU (linux-iommufd.md, 12)', () => {
  test('gives events in order, each with the next sequence number, as many as fit', () => {
    const { report, read } = setup(8);
    report(5, 6, 7);
    expect(read(2 * (HEADER + 4) + 3)).toEqual(['0 = 5', '1 = 6']);
    expect([read(), read()]).toEqual([['2 = 7'], []]);
  });

  test('is EINVAL for less than a header, and for less than the first event, which stays', () => {
    const { report, read, queue } = setup(8);
    report(5);
    expect(refused(() => queue.read(new Uint8Array(HEADER - 1)))).toBe('EINVAL');
    expect(refused(() => queue.read(new Uint8Array(HEADER + 3)))).toBe('EINVAL');
    expect(read()).toEqual(['0 = 5']);
  });

  test('drops events when it is full: one record at its tail has the number of the last that was lost', () => {
    const { report, read } = setup(2);
    report(1, 2, 3, 4);
    expect(read()).toEqual(['0 = 1', '1 = 2', '3 lost']);
  });

  test('takes events again when there is room, with numbers that show the gap', () => {
    const { report, read } = setup(2);
    report(1, 2, 3);
    read(HEADER + 4);
    report(4);
    expect(read()).toEqual(['1 = 2', '3 = 4']);
  });

  test('uses its owner as long as it is there, and tells of its end', () => {
    const { owner, queue, left } = setup(1);
    expect(owner.users).toBe(1);
    queue.destroy();
    expect([owner.users, left]).toEqual([0, [queue]]);
  });
});
