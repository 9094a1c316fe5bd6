import { describe, expect, test } from 'vitest';
import { type IommufdUser, iommufdUser } from '../../../test/iommufd.js';
import { refused } from '../../../test/refused.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import { IOMMUFD_TEST, iommu_hwpt_selftest } from '../../abi/iommufd-test.js';

const { IOMMU_HWPT_ALLOC_NEST_PARENT: NEST_PARENT, IOMMU_HWPT_ALLOC_DIRTY_TRACKING: DIRTY } = IOMMUFD;
const { IOMMU_HWPT_FAULT_ID_VALID: FAULT, IOMMU_HWPT_ALLOC_PASID: PASID } = IOMMUFD;

interface Wanted {
  flags?: number;
  dev_id?: number;
  pt_id?: number;
  data_type?: number;
  data_len?: number;
  data_uptr?: bigint;
  fault_id?: number;
}

/** The id of what was made, or the error. */
function alloc({ process, fd, device, ioas }: IommufdUser, wanted: Wanted = {}): number | string {
  let id = 0;
  const answer = refused(() => {
    id = process.call(fd, IOCTL.HWPT_ALLOC, { size: 48, dev_id: device, pt_id: ioas, ...wanted }).out_hwpt_id;
  });
  return answer === 'ok' ? id : answer;
}

/** What a nested table of the mock IOMMU is made from. */
function nested({ process, page }: IommufdUser): Wanted {
  process.memory.write(page, new Uint8Array(iommu_hwpt_selftest.size));
  return { data_type: IOMMUFD_TEST.IOMMU_HWPT_DATA_SELFTEST, data_len: iommu_hwpt_selftest.size, data_uptr: page };
}

const destroy = ({ process, fd }: IommufdUser, id: number | string): string =>
  refused(() => process.call(fd, IOCTL.DESTROY, { size: 8, id: Number(id) }));

describe('IOMMU_HWPT_ALLOC of an IOAS (linux-iommufd.md, 8)', () => {
  test('keeps the IOAS in use until the table is destroyed', () => {
    const it = iommufdUser();
    const { process, fd } = it;
    const { out_ioas_id: other } = process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
    const hwpt = alloc(it, { pt_id: other });
    expect(destroy(it, other)).toBe('EBUSY');
    expect([destroy(it, hwpt), destroy(it, other), destroy(it, other)]).toEqual(['ok', 'ok', 'ENOENT']);
  });

  test.each<[string, Wanted, string]>([
    ['an unknown flag', { flags: 0x80 }, 'EOPNOTSUPP'],
    ['an unknown device', { dev_id: 99 }, 'ENOENT'],
    ['an unknown table', { pt_id: 99 }, 'EINVAL'],
    ['a nest parent that reports faults', { flags: NEST_PARENT | FAULT, fault_id: 99 }, 'EOPNOTSUPP'],
    ['a fault queue that is none', { flags: FAULT, fault_id: 99 }, 'ENOENT'],
  ])('%s', (_name, wanted, answer) => {
    const it = iommufdUser();
    const before = alloc(it);
    expect(alloc(it, wanted)).toBe(answer);
    // What failed took no id.
    expect(alloc(it)).toBe(Number(before) + 1);
  });

  test.each([0, NEST_PARENT, DIRTY, PASID, NEST_PARENT | DIRTY, DIRTY | PASID])('flags %i', (flags) => {
    expect(alloc(iommufdUser(), { flags })).toBeTypeOf('number');
  });

  test('a device that cannot track dirty pages has no table that does: EOPNOTSUPP', () => {
    const it = iommufdUser({ flags: IOMMUFD_TEST.MOCK_FLAGS_DEVICE_NO_DIRTY });
    expect(alloc(it, { flags: DIRTY })).toBe('EOPNOTSUPP');
    expect(alloc(it)).toBeTypeOf('number');
  });
});

describe('IOMMU_HWPT_ALLOC of a nested table', () => {
  test('needs a nest parent, and keeps it in use', () => {
    const it = iommufdUser();
    const plain = Number(alloc(it));
    const parent = Number(alloc(it, { flags: NEST_PARENT }));
    const data = nested(it);
    expect(alloc(it, { pt_id: plain, ...data })).toBe('EINVAL');
    const child = Number(alloc(it, { pt_id: parent, ...data }));
    expect(child).toBeGreaterThan(parent);
    expect(destroy(it, parent)).toBe('EBUSY');
    expect([destroy(it, child), destroy(it, parent)]).toEqual(['ok', 'ok']);
  });

  test('the table that an attachment made is no parent: EINVAL', () => {
    const it = iommufdUser();
    expect(alloc(it, { pt_id: it.hwpt, ...nested(it) })).toBe('EINVAL');
  });

  test('a nested table is no parent either: EINVAL', () => {
    const it = iommufdUser();
    const child = Number(alloc(it, { pt_id: Number(alloc(it, { flags: NEST_PARENT })), ...nested(it) }));
    expect(alloc(it, { pt_id: child, ...nested(it) })).toBe('EINVAL');
  });

  test.each<[string, Wanted, string]>([
    ['no data', { data_type: 0, data_len: 0, data_uptr: 0n }, 'EOPNOTSUPP'],
    ['data of another type', { data_type: 1 }, 'EOPNOTSUPP'],
    ['flags of a paging table', { flags: DIRTY }, 'EOPNOTSUPP'],
    ['data that cannot be read', { data_uptr: 8n }, 'EFAULT'],
    ['a length without data', { data_len: 0 }, 'EINVAL'],
  ])('%s', (_name, wanted, answer) => {
    const it = iommufdUser();
    const parent = Number(alloc(it, { flags: NEST_PARENT }));
    expect(alloc(it, { pt_id: parent, ...nested(it), ...wanted })).toBe(answer);
    expect(destroy(it, parent)).toBe('ok');
  });
});
