import { describe, expect, test } from 'vitest';
import { iommufdUser } from '../../../test/iommufd.js';
import { refused } from '../../../test/refused.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import { bootMachine } from '../../boot.js';
import type { Process } from '../../kernel/process.js';

const { IOMMU_OPTION_RLIMIT_MODE: RLIMIT_MODE, IOMMU_OPTION_HUGE_PAGES: HUGE_PAGES } = IOMMUFD;
const { IOMMU_OPTION_OP_SET: SET, IOMMU_OPTION_OP_GET: GET } = IOMMUFD;

function option(
  process: Process,
  fd: number,
  option_id: number,
  op: number,
  object_id = 0,
  val64 = 0n,
): bigint | string {
  let value = 0n;
  const answer = refused(() => {
    value = process.call(fd, IOCTL.OPTION, { size: 24, option_id, op, object_id, val64 }).val64;
  });
  return answer === 'ok' ? value : answer;
}

describe('IOMMU_OPTION_RLIMIT_MODE (linux-iommufd.md, 5)', () => {
  function open() {
    const process = bootMachine().spawn();
    return { process, fd: process.open('/dev/iommu') };
  }

  test('is 0, is set to 1 and told', () => {
    const { process, fd } = open();
    expect(option(process, fd, RLIMIT_MODE, GET)).toBe(0n);
    expect(option(process, fd, RLIMIT_MODE, SET, 0, 1n)).toBe(1n);
    expect(option(process, fd, RLIMIT_MODE, GET)).toBe(1n);
  });

  test('is of the context, and 0 or 1', () => {
    const { process, fd } = open();
    expect(option(process, fd, RLIMIT_MODE, SET, 1, 1n)).toBe('EOPNOTSUPP');
    expect(option(process, fd, RLIMIT_MODE, 7)).toBe('EOPNOTSUPP');
    expect(option(process, fd, RLIMIT_MODE, SET, 0, 2n)).toBe('EINVAL');
    expect(option(process, fd, 9, GET)).toBe('EOPNOTSUPP');
  });

  test('cannot be set once the context has objects: EBUSY, before the value is judged', () => {
    const { process, fd } = open();
    process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
    expect(option(process, fd, RLIMIT_MODE, SET, 0, 2n)).toBe('EBUSY');
    expect(option(process, fd, RLIMIT_MODE, GET)).toBe(0n);
  });
});

describe('IOMMU_OPTION_HUGE_PAGES', () => {
  test('is of an IOAS: 1 by default', () => {
    const { process, fd, ioas } = iommufdUser();
    expect(option(process, fd, HUGE_PAGES, GET, ioas)).toBe(1n);
    expect(option(process, fd, HUGE_PAGES, GET, 99)).toBe('ENOENT');
    expect(option(process, fd, HUGE_PAGES, 7, ioas)).toBe('EOPNOTSUPP');
    expect(option(process, fd, HUGE_PAGES, SET, ioas, 2n)).toBe('EINVAL');
    expect(option(process, fd, HUGE_PAGES, SET, ioas, 0n)).toBe(0n);
    expect(option(process, fd, HUGE_PAGES, GET, ioas)).toBe(0n);
  });
});

describe('IOMMU_IOAS_CHANGE_PROCESS (linux-iommufd.md, 6)', () => {
  const FILE_MAP = { size: 40, flags: 7, length: 0x2000n, iova: 0x200_0000n };
  const change = (process: Process, fd: number) =>
    refused(() => process.call(fd, IOCTL.IOAS_CHANGE_PROCESS, { size: 8 }));

  test('the caller pays for mappings of files from then on', () => {
    const { process, fd, ioas } = iommufdUser();
    const file = process.memfdCreate(0x4000);
    process.call(fd, IOCTL.IOAS_MAP_FILE, { ...FILE_MAP, ioas_id: ioas, fd: file });
    const heir = process.fork();
    expect([process.mm.pinnedPages, heir.mm.pinnedPages]).toEqual([2, 0]);
    expect(change(heir, fd)).toBe('ok');
    expect([process.mm.pinnedPages, heir.mm.pinnedPages]).toEqual([0, 2]);
    expect(change(heir, fd)).toBe('ok');
    expect(heir.mm.pinnedPages).toBe(2);
  });

  test('memory of a process cannot be handed over: EINVAL, and nobody pays anew', () => {
    const { process, fd, ioas, page } = iommufdUser();
    const file = process.memfdCreate(0x4000);
    process.call(fd, IOCTL.IOAS_MAP_FILE, { ...FILE_MAP, ioas_id: ioas, fd: file });
    const arg = { size: 40, flags: 7, ioas_id: ioas, user_va: page, length: 0x1000n, iova: 0x300_0000n };
    process.call(fd, IOCTL.IOAS_MAP, arg);
    const heir = process.fork();
    expect(change(heir, fd)).toBe('EINVAL');
    expect([process.mm.pinnedPages, heir.mm.pinnedPages]).toEqual([3, 0]);
  });
});
