import { describe, expect, test } from 'vitest';
import { type IommufdUser, iommufdUser } from '../../../test/iommufd.js';
import { refused } from '../../../test/refused.js';
import { U64_MAX } from '../../abi/address.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';

const IOVA = 0x200_0000n;
const { IOMMU_IOAS_MAP_FIXED_IOVA: FIXED } = IOMMUFD;
const { IOMMU_IOAS_MAP_WRITEABLE: WRITE, IOMMU_IOAS_MAP_READABLE: READ } = IOMMUFD;

interface Wanted {
  flags?: number;
  ioas_id?: number;
  user_va?: bigint;
  length?: bigint;
  iova?: bigint;
}

function map({ process, fd, ioas, page }: IommufdUser, wanted: Wanted = {}): string {
  const arg = { size: 40, flags: FIXED | READ | WRITE, ioas_id: ioas, user_va: page, length: 0x1000n, iova: IOVA };
  return refused(() => process.call(fd, IOCTL.IOAS_MAP, { ...arg, ...wanted }));
}

function unmap({ process, fd, ioas }: IommufdUser, iova: bigint, length: bigint): bigint | string {
  let bytes = 0n;
  const answer = refused(() => {
    bytes = process.call(fd, IOCTL.IOAS_UNMAP, { size: 24, ioas_id: ioas, iova, length }).length;
  });
  return answer === 'ok' ? bytes : answer;
}

describe('IOMMU_IOAS_MAP (linux-iommufd.md, 4)', () => {
  test.each<[string, Wanted, string]>([
    ['an address of 2^64-1', { iova: U64_MAX }, 'EOVERFLOW'],
    ['a length of 2^64-1', { length: U64_MAX }, 'EOVERFLOW'],
    ['an address of 2^64-1 before missing permissions', { iova: U64_MAX, flags: FIXED }, 'EOVERFLOW'],
    ['neither readable nor writable', { flags: FIXED }, 'EINVAL'],
    ['missing permissions before an unknown IOAS', { flags: FIXED, ioas_id: 99 }, 'EINVAL'],
    ['an unknown flag', { flags: 8 | READ }, 'EOPNOTSUPP'],
    ['an unknown IOAS', { ioas_id: 99 }, 'ENOENT'],
    ['memory that wraps', { user_va: U64_MAX - 0xfffn, length: 0x2000n }, 'EOVERFLOW'],
    ['no bytes', { length: 0n }, 'EINVAL'],
    ['a length that is no multiple of the alignment', { length: 100n }, 'EINVAL'],
    ['an address that is no multiple of the alignment', { iova: IOVA + 1n }, 'EINVAL'],
    ['an address outside the aperture', { iova: 0n }, 'EINVAL'],
    ['memory that is not there', { user_va: 0x1000n }, 'EFAULT'],
    ['all of it in order', {}, 'ok'],
  ])('%s', (_name, wanted, answer) => {
    const it = iommufdUser();
    expect(map(it, wanted)).toBe(answer);
    // What was refused is not mapped.
    expect(unmap(it, 0n, U64_MAX)).toBe(answer === 'ok' ? 0x1000n : 0n);
  });

  test('what is mapped is not mapped again: EEXIST', () => {
    const it = iommufdUser();
    map(it, { length: 0x3000n });
    expect(map(it, { iova: IOVA + 0x2000n })).toBe('EEXIST');
    expect(map(it, { iova: IOVA + 0x3000n })).toBe('ok');
  });

  test('memory that may not be written can be mapped for reading only', () => {
    const it = iommufdUser();
    const fixed = it.process.memory.mmap(4096n, { writable: false });
    expect(map(it, { user_va: fixed })).toBe('EFAULT');
    expect(map(it, { user_va: fixed, flags: FIXED | READ })).toBe('ok');
  });
});

describe('IOMMU_IOAS_UNMAP', () => {
  test('takes whole mappings, and tells the bytes', () => {
    const it = iommufdUser();
    map(it, { length: 0x2000n });
    map(it, { iova: IOVA + 0x4000n });
    expect(unmap(it, IOVA, 0x1000n)).toBe('ENOENT');
    expect(unmap(it, IOVA, 0x5000n)).toBe(0x3000n);
    expect(unmap(it, IOVA, 0x5000n)).toBe('ENOENT');
  });

  test('of everything takes nothing too', () => {
    const it = iommufdUser();
    expect(unmap(it, 0n, U64_MAX)).toBe(0n);
  });

  test.each<[string, bigint, bigint, string]>([
    ['an address of 2^64-1', U64_MAX, 1n, 'EOVERFLOW'],
    ['no bytes', IOVA, 0n, 'EINVAL'],
    ['a range that wraps', U64_MAX - 5n, 100n, 'EOVERFLOW'],
    ['nothing there', IOVA, 0x1000n, 'ENOENT'],
  ])('%s', (_name, iova, length, answer) => {
    expect(unmap(iommufdUser(), iova, length)).toBe(answer);
  });
});

describe('IOMMU_IOAS_COPY', () => {
  function copy(
    { process, fd, ioas }: IommufdUser,
    wanted: { src_iova: bigint; length: bigint; flags?: number },
  ): string {
    const arg = {
      size: 40,
      flags: FIXED | READ | WRITE,
      dst_ioas_id: ioas,
      src_ioas_id: ioas,
      dst_iova: IOVA + 0x10_0000n,
    };
    return refused(() => process.call(fd, IOCTL.IOAS_COPY, { ...arg, ...wanted }));
  }

  test('maps a part of what is mapped, and pays for no page twice', () => {
    const it = iommufdUser();
    map(it, { length: 0x4000n });
    const pinned = it.process.mm.pinnedPages;
    expect(copy(it, { src_iova: IOVA + 0x1000n, length: 0x2000n })).toBe('ok');
    expect(it.process.mm.pinnedPages).toBe(pinned);
    expect(unmap(it, IOVA, 0x4000n)).toBe(0x4000n);
    expect(it.process.mm.pinnedPages).toBe(2);
  });

  test('of what is not mapped throughout: ENOENT; writable of what was taken read-only: EPERM', () => {
    const it = iommufdUser();
    map(it, { flags: FIXED | READ, length: 0x2000n });
    expect(copy(it, { src_iova: IOVA, length: 0x3000n })).toBe('ENOENT');
    expect(copy(it, { src_iova: IOVA, length: 0x1000n })).toBe('EPERM');
    expect(copy(it, { src_iova: IOVA, length: 0x1000n, flags: FIXED | READ })).toBe('ok');
  });
});

describe('IOMMU_IOAS_MAP_FILE', () => {
  test.each<[string, { fd?: number; start?: bigint; length?: bigint }, string]>([
    ['a descriptor that is none', { fd: 99 }, 'EBADF'],
    ['no bytes', { length: 0n }, 'EINVAL'],
    ['an offset that wraps', { start: U64_MAX - 0xfffn, length: 0x2000n }, 'EOVERFLOW'],
    ['beyond its end', { start: 0x3000n, length: 0x2000n }, 'EINVAL'],
    ['within it', { start: 0x1000n, length: 0x2000n }, 'ok'],
  ])('%s', (_name, wanted, answer) => {
    const { process, fd, ioas } = iommufdUser();
    const file = process.memfdCreate(0x4000);
    const arg = {
      size: 40,
      flags: FIXED | READ | WRITE,
      ioas_id: ioas,
      fd: file,
      start: 0n,
      length: 0x1000n,
      iova: IOVA,
    };
    expect(refused(() => process.call(fd, IOCTL.IOAS_MAP_FILE, { ...arg, ...wanted }))).toBe(answer);
  });
});
