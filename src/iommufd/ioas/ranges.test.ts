import { describe, expect, test } from 'vitest';
import { iommufdUser } from '../../../test/iommufd.js';
import { refused } from '../../../test/refused.js';
import { U64_MAX } from '../../abi/address.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD, iommu_iova_range } from '../../abi/iommufd.js';
import { IOMMUFD_TEST } from '../../abi/iommufd-test.js';

const ENTRY = iommu_iova_range.size;

function setup() {
  const it = iommufdUser();
  const { process, fd, page } = it;
  const bytes = (count: number) => new DataView(new ArrayBuffer(count * ENTRY));
  return {
    ...it,
    free: () => process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 }).out_ioas_id,
    allow(ioas_id: number, ranges: readonly (readonly [bigint, bigint])[], address = page) {
      const view = bytes(ranges.length);
      ranges.forEach(([start, last], i) => {
        iommu_iova_range.set.start(view, start, i * ENTRY);
        iommu_iova_range.set.last(view, last, i * ENTRY);
      });
      process.memory.write(address, new Uint8Array(view.buffer));
      const arg = { size: 24, ioas_id, num_iovas: ranges.length, allowed_iovas: address };
      return refused(() => process.call(fd, IOCTL.IOAS_ALLOW_IOVAS, arg));
    },
    /** What IOVA_RANGES answers with room for so many. */
    ranges(ioas_id: number, room = 8, address = page) {
      process.memory.write(page, new Uint8Array(8 * ENTRY));
      const arg = process.memory.mmap(4096);
      const view = new DataView(new ArrayBuffer(32));
      [32, ioas_id, room, 0].forEach((word, i) => {
        view.setUint32(i * 4, word, true);
      });
      view.setBigUint64(16, address, true);
      process.memory.write(arg, new Uint8Array(view.buffer));
      const answer = refused(() => process.ioctl(fd, IOCTL.IOAS_IOVA_RANGES.request, arg));
      process.memory.read(arg, new Uint8Array(view.buffer));
      const entries = bytes(8);
      process.memory.read(page, new Uint8Array(entries.buffer));
      const told = Array.from({ length: 8 }, (_, i) => [
        iommu_iova_range.get.start(entries, i * ENTRY),
        iommu_iova_range.get.last(entries, i * ENTRY),
      ]).filter(([, last]) => last !== 0n);
      return { answer, count: view.getUint32(8, true), alignment: view.getBigUint64(24, true), told };
    },
    map(ioas_id: number, iova: bigint | undefined) {
      const flags = 6 | (iova === undefined ? 0 : IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA);
      const arg = { size: 40, flags, ioas_id, user_va: page, length: 4096n, iova: iova ?? 0n };
      return process.call(fd, IOCTL.IOAS_MAP, arg).iova;
    },
  };
}

describe('IOMMU_IOAS_IOVA_RANGES (linux-iommufd.md, 4.2)', () => {
  test('a fresh IOAS is usable everywhere, to the byte', () => {
    const it = setup();
    expect(it.ranges(it.free())).toEqual({ answer: 'ok', count: 1, alignment: 1n, told: [[0n, U64_MAX]] });
  });

  test('a device leaves its aperture, and asks for the alignment of its pages', () => {
    const { MOCK_APERTURE_START, MOCK_APERTURE_LAST, MOCK_PAGE_SIZE } = IOMMUFD_TEST;
    const it = setup();
    expect(it.ranges(it.ioas)).toEqual({
      ...{ answer: 'ok', count: 1, alignment: BigInt(MOCK_PAGE_SIZE) },
      told: [[BigInt(MOCK_APERTURE_START), BigInt(MOCK_APERTURE_LAST)]],
    });
  });

  test('too little room: EMSGSIZE, what fits is written, and the number that is needed', () => {
    const it = setup();
    expect(it.ranges(it.ioas, 0)).toMatchObject({ answer: 'EMSGSIZE', count: 1, told: [] });
    expect(it.ranges(it.ioas, 0, 1n)).toMatchObject({ answer: 'EMSGSIZE' });
  });

  test('an array that cannot be written: EFAULT', () => {
    const it = setup();
    expect(it.ranges(it.ioas, 8, 8n).answer).toBe('EFAULT');
  });
});

describe('IOMMU_IOAS_ALLOW_IOVAS', () => {
  test('keeps chosen addresses in the list; a fixed one may lie outside', () => {
    const it = setup();
    const ioas = it.free();
    expect(it.allow(ioas, [[0x7000n, 0x8fffn]])).toBe('ok');
    expect([it.map(ioas, undefined), it.map(ioas, undefined)]).toEqual([0x7000n, 0x8000n]);
    expect(refused(() => it.map(ioas, undefined))).toBe('ENOSPC');
    expect(it.map(ioas, 0x10_0000n)).toBe(0x10_0000n);
  });

  test('an empty list allows everything again', () => {
    const it = setup();
    const ioas = it.free();
    expect(it.allow(ioas, [[0x7000n, 0x7fffn]])).toBe('ok');
    expect(it.allow(ioas, [])).toBe('ok');
    it.map(ioas, 0x7000n);
    expect(refused(() => it.map(ioas, undefined))).toBe('ok');
  });

  test.each([
    ['a range that is empty', [[0x2000n, 0x1fffn]]],
    ['a range of one byte', [[0x2000n, 0x2000n]]],
    [
      'ranges that overlap',
      [
        [0x1000n, 0x2fffn],
        [0x2000n, 0x3fffn],
      ],
    ],
  ] as const)('%s: EINVAL, and the list before stays', (_name, ranges) => {
    const it = setup();
    const ioas = it.free();
    expect(it.allow(ioas, [[0x7000n, 0x7fffn]])).toBe('ok');
    expect(it.allow(ioas, ranges)).toBe('EINVAL');
    expect(it.map(ioas, undefined)).toBe(0x7000n);
  });

  test('a list that is reserved for a device: EADDRINUSE', () => {
    const it = setup();
    expect(it.allow(it.ioas, [[0n, 0xfffn]])).toBe('EADDRINUSE');
  });
});
