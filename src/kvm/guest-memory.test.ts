import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { LINUX_KVM } from '../abi/kvm.js';
import { GuestMemory, MEMORY_SLOTS } from './guest-memory.js';

const PAGE = 4096n;
const HOST = 0x7f00_0000_0000n;
const { KVM_MEM_READONLY: READONLY, KVM_MEM_LOG_DIRTY_PAGES: LOG } = LINUX_KVM;

describe('memory slots of a VM', () => {
  test('translate guest addresses; a range must lie in one slot', () => {
    const memory = new GuestMemory();
    memory.set(0, 0, 0n, 2n * PAGE, HOST);
    memory.set(1, 0, 2n * PAGE, PAGE, HOST + 8n * PAGE);
    expect([memory.address(PAGE + 8n, 8n, true), memory.address(2n * PAGE, 8n, false)]).toEqual([
      HOST + PAGE + 8n,
      HOST + 8n * PAGE,
    ]);
    expect(refused(() => memory.address(2n * PAGE - 4n, 8n, false))).toBe('EFAULT');
    expect(refused(() => memory.address(3n * PAGE, 1n, false))).toBe('EFAULT');
  });

  test.each([
    ['an unknown flag', 0, 4, 0n, PAGE, HOST],
    ['a number too large', MEMORY_SLOTS, 0, 0n, PAGE, HOST],
    ['a part of a page', 0, 0, 0n, PAGE - 1n, HOST],
    ['a guest address within a page', 0, 0, 1n, PAGE, HOST],
    ['a host address within a page', 0, 0, 0n, PAGE, HOST + 1n],
    ['a range that wraps', 0, 0, (1n << 64n) - PAGE, 2n * PAGE, HOST],
    ['no slot to delete', 3, 0, 0n, 0n, HOST],
  ] as const)('are EINVAL with %s', (_, number, flags, start, size, host) => {
    expect(refused(() => new GuestMemory().set(number, flags, start, size, host))).toBe('EINVAL');
  });

  test('do not overlap: EEXIST; one slot may take its own place', () => {
    const memory = new GuestMemory();
    memory.set(0, 0, 0n, 2n * PAGE, HOST);
    expect(refused(() => memory.set(1, 0, PAGE, PAGE, HOST))).toBe('EEXIST');
    memory.set(0, 0, PAGE, 2n * PAGE, HOST);
    expect(memory.address(PAGE, 1n, false)).toBe(HOST);
  });

  test('can be moved in the guest, and change no other than the dirty log: EINVAL', () => {
    const memory = new GuestMemory();
    memory.set(0, 0, 0n, PAGE, HOST);
    expect(refused(() => memory.set(0, 0, 0n, 2n * PAGE, HOST))).toBe('EINVAL');
    expect(refused(() => memory.set(0, 0, 0n, PAGE, HOST + PAGE))).toBe('EINVAL');
    expect(refused(() => memory.set(0, READONLY, 0n, PAGE, HOST))).toBe('EINVAL');
    expect(refused(() => memory.set(0, LOG, 0n, PAGE, HOST))).toBe('ok');
  });

  test('are read-only for stores if they say so', () => {
    const memory = new GuestMemory();
    memory.set(0, READONLY, 0n, PAGE, HOST);
    expect([refused(() => memory.address(0n, 8n, true)), memory.address(0n, 8n, false)]).toEqual(['EFAULT', HOST]);
  });

  test('are deleted with a size of 0', () => {
    const memory = new GuestMemory();
    memory.set(0, 0, 0n, PAGE, HOST);
    memory.set(0, 0, 0n, 0n, 0n);
    expect(refused(() => memory.address(0n, 1n, false))).toBe('EFAULT');
  });
});
