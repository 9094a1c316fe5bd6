/** A simulated process with an open /dev/iommu, an IOAS, and a mock device of Linux's own tests on it. */
import { IOMMUFD_IOCTLS as IOCTL } from '../src/abi/iommufd.js';
import { IOMMUFD_TEST_IOCTLS, TEST_OP } from '../src/abi/iommufd-test.js';
import { bootMachine } from '../src/boot.js';

const { TEST_CMD } = IOMMUFD_TEST_IOCTLS;
/** FIXED_IOVA, WRITEABLE, READABLE. */
export const MAP = 7;

/** @param pages of memory at `page`. @param flags of the mock device: MOCK_FLAGS_DEVICE_… */
export function iommufdUser({ pages = 8, flags = 0 } = {}) {
  const machine = bootMachine({ selftest: true });
  const process = machine.spawn();
  const page = process.memory.mmap(BigInt(pages) * 4096n);
  const fd = process.open('/dev/iommu');
  const { out_ioas_id: ioas } = process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
  const mock = process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.MOCK_DOMAIN_FLAGS, id: ioas, d: flags });
  return { machine, process, page, fd, ioas, stdev: mock.a, hwpt: mock.b, device: mock.c };
}

export type IommufdUser = ReturnType<typeof iommufdUser>;
