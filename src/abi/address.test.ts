import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { bootMachine, ioctls } from '../index.js';
import { isPageAligned, last, lastWraps, offsetInPage, pagesTouched, sumWraps, U64_MAX } from './address.js';

const { IOASID_IOCTLS, VFIO_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS } = ioctls;

describe('address arithmetic', () => {
  test('a range that ends exactly at 2^64 wraps as a sum, and not as a last address', () => {
    const start = U64_MAX - 0xfffn;
    expect([sumWraps(start, 0x1000n), lastWraps(start, 0x1000n)]).toEqual([true, false]);
    expect([sumWraps(start, 0x1001n), lastWraps(start, 0x1001n)]).toEqual([true, true]);
    expect([sumWraps(start, 0xfffn), lastWraps(start, 0xfffn)]).toEqual([false, false]);
    expect(last(start, 0x1000n)).toBe(U64_MAX);
  });

  test('pages that a range touches are counted by its first and its last byte', () => {
    expect(pagesTouched(0xfffn, 2n)).toBe(2);
    expect(pagesTouched(0x1000n, 0x1000n)).toBe(1);
    expect(pagesTouched(0x1000n, 0n)).toBe(0);
    expect(offsetInPage(0x1234n)).toBe(0x234);
    expect(isPageAligned(0x1001n)).toBe(false);
  });
});

describe('a range that ends exactly at 2^64, call by call', () => {
  const process = bootMachine().spawn();
  const fd = process.open('/dev/ioasid');
  const device = process.open('/dev/vfio/devices/vfio1');
  process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd });
  const ioasid = process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
  process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
  const top = U64_MAX - 0xfffn;
  const size = 0x1000n;

  test('MAP_DMA, UNMAP_DMA, REGISTER_MEMORY: iova + size or vaddr + size wraps, EOVERFLOW', () => {
    expect(refused(() => process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid, flags: 1, iova: top, size }))).toBe(
      'EOVERFLOW',
    );
    expect(refused(() => process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid, flags: 1, vaddr: top, size }))).toBe(
      'EOVERFLOW',
    );
    expect(refused(() => process.call(fd, IOASID_IOCTLS.UNMAP_DMA, { ioasid, iova: top, size }))).toBe('EOVERFLOW');
    expect(refused(() => process.call(fd, IOASID_IOCTLS.REGISTER_MEMORY, { vaddr: top, size }))).toBe('EOVERFLOW');
  });

  test('GET_DIRTY_BITMAP: the last byte counts, so the range is a good one', () => {
    process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid, flags: 1 });
    const data = process.memory.mmap(4096);
    const ask = { ioasid, iova: top, page_size: 0x1000n, data };
    expect(refused(() => process.call(fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, { ...ask, size }))).toBe('ok');
    expect(refused(() => process.call(fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, { ...ask, size: size * 2n }))).toBe(
      'EOVERFLOW',
    );
  });

  test('KVM_SET_USER_MEMORY_REGION: guest_phys_addr + memory_size wraps, EINVAL as in Linux', () => {
    const vm = process.ioctl(process.open('/dev/kvm'), KVM_IOCTLS.CREATE_VM.request);
    const slot = { slot: 0, guest_phys_addr: top, memory_size: size };
    expect(refused(() => process.call(vm, KVM_VM_IOCTLS.SET_USER_MEMORY_REGION, slot))).toBe('EINVAL');
    const below = { ...slot, guest_phys_addr: top - size };
    expect(refused(() => process.call(vm, KVM_VM_IOCTLS.SET_USER_MEMORY_REGION, below))).toBe('ok');
  });
});
