import { expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { Errno } from '../abi/errno.js';
import type { WorkQueues } from '../kernel/proof.js';
import { GuestPasids } from './guest-pasids.js';

/** An open file with IOASID 1, to which a device is attached by the PASIDs of a set. */
function queuesOf(attached: Set<number>): WorkQueues {
  return {
    wire: (pasid, ioasid) => {
      if (ioasid !== 1) throw new Errno('ENOENT', `IOASID ${ioasid}`);
      return attached.has(pasid) ? 1000 + pasid : undefined;
    },
    enqueue: () => true,
  };
}

test('a guest’s PASID is translated while its attachment lasts, to the number that it has then', () => {
  const attached = new Set([5]);
  const queues = queuesOf(attached);
  const pasids = new GuestPasids();
  expect(pasids.translate(5)).toBeUndefined();
  pasids.map(queues, 5, 1);
  expect(pasids.translate(5)).toEqual({ queues, wire: 1005 });
  attached.delete(5);
  expect(pasids.translate(5)).toBeUndefined();
  attached.add(5);
  expect(pasids.translate(5)?.wire).toBe(1005);
});

test('KVM_MAP_PASID is ENOENT without an attachment or an IOASID, EEXIST for a number that has a translation', () => {
  const queues = queuesOf(new Set([5]));
  const pasids = new GuestPasids();
  expect([refused(() => pasids.map(queues, 6, 1)), refused(() => pasids.map(queues, 5, 2))]).toEqual([
    'ENOENT',
    'ENOENT',
  ]);
  pasids.map(queues, 5, 1);
  expect(refused(() => pasids.map(queues, 5, 1))).toBe('EEXIST');
});

test('KVM_UNMAP_PASID names the translation as it was made: ENOENT else', () => {
  const [queues, others] = [queuesOf(new Set([5])), queuesOf(new Set([5]))];
  const pasids = new GuestPasids();
  pasids.map(queues, 5, 1);
  expect([refused(() => pasids.unmap(others, 5, 1)), refused(() => pasids.unmap(queues, 5, 2))]).toEqual([
    'ENOENT',
    'ENOENT',
  ]);
  pasids.unmap(queues, 5, 1);
  expect(pasids.translate(5)).toBeUndefined();
});
