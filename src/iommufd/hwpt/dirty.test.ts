import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type IommufdUser, iommufdUser, MAP } from '../../../test/iommufd.js';
import { refused } from '../../../test/refused.js';
import { U64_MAX } from '../../abi/address.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import { IOMMUFD_TEST } from '../../abi/iommufd-test.js';
import { HwptPaging } from './hwpt.js';

const GRANULE = IOMMUFD_TEST.MOCK_PAGE_SIZE;
const IOVA = 0x200_0000n;
const PAGES = 8;
const BITS = (PAGES * 4096) / GRANULE;

/** An HWPT that can track, with memory mapped at IOVA. */
function setup() {
  const it = iommufdUser({ pages: PAGES + 1 });
  const { process, fd, device, ioas, page, machine } = it;
  const flags = IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
  const { out_hwpt_id: tracked } = process.call(fd, IOCTL.HWPT_ALLOC, { size: 48, dev_id: device, pt_id: ioas, flags });
  const arg = { size: 40, flags: MAP, ioas_id: ioas, user_va: page, length: BigInt(PAGES) * 4096n, iova: IOVA };
  process.call(fd, IOCTL.IOAS_MAP, arg);
  const [context] = machine.iommufd.contexts;
  const hwpt = context?.objects.get(tracked, HwptPaging);
  if (!hwpt) throw new Error('there is no HWPT');
  const data = page + BigInt(PAGES) * 4096n;
  return {
    ...it,
    ...{ tracked, log: hwpt.dirty, data },
    track: (on: boolean, hwpt_id = tracked) =>
      refused(() => process.call(fd, IOCTL.HWPT_SET_DIRTY_TRACKING, { size: 16, hwpt_id, flags: on ? 1 : 0 })),
  };
}

interface Ask {
  hwpt_id?: number;
  flags?: number;
  iova?: bigint;
  length?: bigint;
  page_size?: bigint;
  data?: bigint;
}

function bitmap(it: IommufdUser & { tracked: number; data: bigint }, ask: Ask = {}): string {
  const arg = { size: 48, hwpt_id: it.tracked, iova: IOVA, length: BigInt(PAGES) * 4096n, page_size: BigInt(GRANULE) };
  return refused(() => it.process.call(it.fd, IOCTL.HWPT_GET_DIRTY_BITMAP, { ...arg, data: it.data, ...ask }));
}

describe('IOMMU_HWPT_GET_DIRTY_BITMAP (linux-iommufd.md, 10)', () => {
  test('has a bit for every page that was written since it was asked last; bits are added to the bitmap', () => {
    const range = fc.tuple(fc.nat(PAGES * 4096 - 1), fc.nat(9000));
    const step = fc.oneof(
      fc.record({ kind: fc.constant('write' as const), range }),
      fc.record({ kind: fc.constantFrom('read' as const, 'peek' as const), shift: fc.constantFrom(11, 12, 13, 14) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const it = setup();
        it.track(true);
        const dirty = new Set<number>();
        for (const each of steps) {
          if (each.kind === 'write') {
            const [at, size] = each.range;
            const last = Math.min(at + size, PAGES * 4096 - 1);
            it.log.markRange(IOVA + BigInt(at), IOVA + BigInt(last));
            for (let bit = Math.floor(at / GRANULE); bit <= Math.floor(last / GRANULE); bit++) dirty.add(bit);
            continue;
          }
          it.process.memory.write(it.data, new Uint8Array(8));
          it.process.memory.write(it.data + 3n, new Uint8Array([0x80]));
          const flags = each.kind === 'peek' ? IOMMUFD.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR : 0;
          expect(bitmap(it, { flags, page_size: 1n << BigInt(each.shift) })).toBe('ok');
          const bytes = new Uint8Array(4);
          it.process.memory.read(it.data, bytes);
          const expected = new Uint8Array(4);
          expected[3] = 0x80;
          for (const bit of dirty) {
            const wide = bit >> (each.shift - 11);
            expected[wide >> 3] = (expected[wide >> 3] ?? 0) | (1 << (wide & 7));
          }
          expect([...bytes]).toEqual([...expected]);
          if (each.kind === 'read') dirty.clear();
        }
      }),
      { numRuns: 60 },
    );
    expect(BITS).toBe(16);
  });

  test('what is unmapped is forgotten, and a new mapping there is clean', () => {
    const it = setup();
    it.track(true);
    it.log.markRange(IOVA, IOVA + 4095n);
    const length = BigInt(PAGES) * 4096n;
    it.process.call(it.fd, IOCTL.IOAS_UNMAP, { size: 24, ioas_id: it.ioas, iova: IOVA, length });
    const arg = { size: 40, flags: MAP, ioas_id: it.ioas, user_va: it.page, length, iova: IOVA };
    it.process.call(it.fd, IOCTL.IOAS_MAP, arg);
    expect(bitmap(it)).toBe('ok');
    const bytes = new Uint8Array(2);
    it.process.memory.read(it.data, bytes);
    expect([...bytes]).toEqual([0, 0]);
  });

  test('tracking that is started again begins with nothing', () => {
    const it = setup();
    it.track(true);
    it.log.markRange(IOVA, IOVA);
    expect([it.track(false), it.track(true), bitmap(it)]).toEqual(['ok', 'ok', 'ok']);
    const bytes = new Uint8Array(1);
    it.process.memory.read(it.data, bytes);
    expect(bytes[0]).toBe(0);
  });

  test.each<[string, Ask, string]>([
    ['an unknown HWPT', { hwpt_id: 99 }, 'ENOENT'],
    ['an unknown flag', { flags: 2 }, 'EOPNOTSUPP'],
    ['a range that wraps', { iova: U64_MAX - 0xfffn, length: 0x2000n }, 'EOVERFLOW'],
    ['a range that is not aligned to the address space', { iova: IOVA + 1n }, 'EINVAL'],
    ['a page size of 0', { page_size: 0n }, 'EINVAL'],
    ['a range that is no multiple of the page size', { length: 0x1800n, page_size: 4096n }, 'EINVAL'],
    ['nothing mapped there', { iova: 0x300_0000n }, 'ok'],
  ])('%s', (_name, ask, answer) => {
    const it = setup();
    it.track(true);
    expect(bitmap(it, ask)).toBe(answer);
  });

  test('an HWPT that was not made for it: EOPNOTSUPP', () => {
    const it = setup();
    expect([it.track(true, it.hwpt), bitmap(it, { hwpt_id: it.hwpt })]).toEqual(['EOPNOTSUPP', 'EOPNOTSUPP']);
  });
});
