import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { Errno } from '../abi/errno.js';
import { type AccountMode, charge, NOBODY, UserAccounts, uncharge } from './account.js';
import { Mm } from './mm.js';
import { SimulatedMemory } from './simulated-memory.js';

const PAGES = 10;
const limited = (exceeds = false): Mm => {
  const memory = new SimulatedMemory(BigInt(PAGES * 4096));
  return new Mm(Object.assign(memory, { mayExceedLockLimit: () => exceeds }));
};
describe('pinned pages and who pays', () => {
  test.each<[AccountMode, number, number]>([
    ['none', 0, 0],
    ['mm', 0, 7],
    ['user', 7, 0],
  ])('mode %s charges the user %i and the process %i of 7 pages; each pins 7', (mode, ofUser, ofMm) => {
    const mm = limited();
    const user = new UserAccounts().of(1000);
    const account = { mm, user, mode };
    charge(account, 7);
    expect([user.lockedPages, mm.lockedPages, mm.pinnedPages]).toEqual([ofUser, ofMm, 7]);
    uncharge(account, 7);
    expect([user.lockedPages, mm.lockedPages, mm.pinnedPages]).toEqual([0, 0, 0]);
  });

  test.each<AccountMode>(['mm', 'user'])(
    'mode %s takes the limit to the last page, and refuses one more whole',
    (mode) => {
      const mm = limited();
      const account = { mm, user: new UserAccounts().of(1), mode };
      charge(account, PAGES - 1);
      expect(refused(() => charge(account, 2))).toBe('ENOMEM');
      expect([account.user.lockedPages + mm.lockedPages, mm.pinnedPages]).toEqual([PAGES - 1, PAGES - 1]);
      expect(refused(() => charge(account, 1))).toBe('ok');
    },
  );

  test('mode none has no limit', () => {
    const mm = limited();
    expect(refused(() => charge({ mm, user: NOBODY, mode: 'none' }, 1000))).toBe('ok');
  });

  test('a user pays for all of his processes together, and no other user does', () => {
    const users = new UserAccounts();
    const [one, two] = [limited(), limited()];
    charge({ mm: one, user: users.of(5), mode: 'user' }, PAGES);
    expect(refused(() => charge({ mm: two, user: users.of(5), mode: 'user' }, 1))).toBe('ENOMEM');
    expect(refused(() => charge({ mm: two, user: users.of(6), mode: 'user' }, 1))).toBe('ok');
  });
});

describe('the account of a process', () => {
  test('lets one with CAP_IPC_LOCK go over the limit, but not where the account is by mm', () => {
    const mm = limited(true);
    mm.charge(PAGES + 1);
    expect(refused(() => mm.chargeWithin(1))).toBe('ENOMEM');
    expect(mm.lockedPages).toBe(PAGES + 1);
  });

  test('ends with it: nothing is left, and nothing is given back twice', () => {
    const mm = limited();
    mm.charge(5);
    mm.addPinned(5);
    mm.end();
    mm.uncharge(5);
    mm.addPinned(-5);
    expect([mm.alive, mm.lockedPages, mm.pinnedPages]).toEqual([false, 0, 0]);
  });

  test('is not of another that has the same memory limit: each has its own', () => {
    const [one, two] = [limited(), limited()];
    one.charge(PAGES);
    expect(refused(() => two.charge(PAGES))).toBe('ok');
    expect(one.id).not.toBe(two.id);
  });
});

describe('copies in and out', () => {
  test('are whole, or EFAULT with the address where they end', () => {
    const memory = new SimulatedMemory();
    const mm = new Mm(memory);
    const at = memory.mmap(4096);
    mm.copyOut(at + 4090n, new Uint8Array(6).fill(3));
    const into = new Uint8Array(6);
    mm.copyIn(at + 4090n, into);
    expect([...into]).toEqual([3, 3, 3, 3, 3, 3]);
    expect(() => mm.copyIn(at + 4090n, new Uint8Array(7))).toThrow((at + 4096n).toString(16));
    expect(() => mm.copyOut(0n, new Uint8Array(1))).toThrow(Errno);
  });
});
