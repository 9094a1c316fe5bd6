import { describe, expect, test } from 'vitest';
import { iommufdUser, MAP } from '../../test/iommufd.js';
import { pinsOf } from '../../test/mapped-memory.js';
import { Errno } from '../abi/errno.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD, iommu_iova_range } from '../abi/iommufd.js';
import { IOMMUFD_TEST, IOMMUFD_TEST_IOCTLS, iommu_hwpt_selftest, TEST_OP } from '../abi/iommufd-test.js';
import { VFIO_CONTAINER_IOCTLS } from '../abi/vfio-container.js';
import type { BootedMachine } from '../boot.js';
import type { Process } from '../kernel/process.js';
import { Ioas } from './ioas/ioas.js';

const { TEST_CMD } = IOMMUFD_TEST_IOCTLS;

/** What a context holds, to compare: ids with users, areas, reserved ranges, alignment, pins. */
function picture(machine: BootedMachine, process: Process, page: bigint): unknown {
  const contexts = [...machine.iommufd.contexts].map(({ objects }) =>
    [...objects].map((object) => {
      const { id, kind, users } = object;
      const table = object instanceof Ioas ? object.table : undefined;
      const areas = table && [...table.areas].map((area) => [area.start, area.last, area.pins]);
      return [id, kind, users, areas, table?.reserved.holes(), table?.alignment, table?.domains.length];
    }),
  );
  return { contexts, pins: pinsOf(process.memory, page) };
}

/** A mock device on an IOAS, and a fault queue. */
function setup() {
  const it = iommufdUser();
  return { ...it, queue: it.process.call(it.fd, IOCTL.FAULT_QUEUE_ALLOC, { size: 16 }).out_fault_id };
}

type Setup = ReturnType<typeof setup>;

const map = ({ process, fd, ioas, page }: Setup, iova: bigint): unknown =>
  process.call(fd, IOCTL.IOAS_MAP, { size: 40, flags: MAP, ioas_id: ioas, user_va: page, length: 0x4000n, iova });
const access = ({ process, fd, ioas }: Setup): number =>
  process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.CREATE_ACCESS, id: ioas, b: 1 }).a;
const parent = ({ process, fd, ioas, device }: Setup): number =>
  process.call(fd, IOCTL.HWPT_ALLOC, {
    size: 48,
    dev_id: device,
    pt_id: ioas,
    flags: IOMMUFD.IOMMU_HWPT_ALLOC_NEST_PARENT,
  }).out_hwpt_id;

const viommuOf = (it: Setup): number =>
  it.process.call(it.fd, IOCTL.VIOMMU_ALLOC, {
    ...{ size: 40, type: IOMMUFD_TEST.IOMMU_VIOMMU_TYPE_SELFTEST, dev_id: it.device, hwpt_id: parent(it) },
  }).out_viommu_id;
/** Data of a nested table of the mock IOMMU. */
const nestedData = ({ process, page }: Setup) => {
  process.memory.write(page + 0x7000n, new Uint8Array(iommu_hwpt_selftest.size));
  const data_type = IOMMUFD_TEST.IOMMU_HWPT_DATA_SELFTEST;
  return { data_type, data_len: iommu_hwpt_selftest.size, data_uptr: page + 0x7000n };
};

/** Each call, and what has to be there before it. */
const CALLS: Record<string, (it: Setup) => () => unknown> = {
  IOAS_ALLOC: ({ process, fd }) => {
    return () => process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
  },
  IOAS_MAP: (it) => {
    return () => map(it, 0x2000000n);
  },
  IOAS_COPY: (it) => {
    map(it, 0x2000000n);
    const { process, fd, ioas } = it;
    const copy = { size: 40, flags: MAP, dst_ioas_id: ioas, src_ioas_id: ioas, length: 0x2000n };
    return () => process.call(fd, IOCTL.IOAS_COPY, { ...copy, dst_iova: 0x3000000n, src_iova: 0x2001000n });
  },
  IOAS_ALLOW_IOVAS: ({ process, fd, ioas, page }) => {
    const view = new DataView(new ArrayBuffer(iommu_iova_range.size));
    iommu_iova_range.set.start(view, 0x2000000n);
    iommu_iova_range.set.last(view, 0x2ffffffn);
    process.memory.write(page + 0x7000n, new Uint8Array(view.buffer));
    const arg = { size: 24, ioas_id: ioas, num_iovas: 1, allowed_iovas: page + 0x7000n };
    return () => process.call(fd, IOCTL.IOAS_ALLOW_IOVAS, arg);
  },
  'HWPT_ALLOC of an IOAS with mappings': (it) => {
    map(it, 0x2000000n);
    const { process, fd, ioas, device } = it;
    return () => process.call(fd, IOCTL.HWPT_ALLOC, { size: 48, dev_id: device, pt_id: ioas });
  },
  'MOCK_DOMAIN on another IOAS': (it) => {
    const { process, fd } = it;
    const { out_ioas_id: other } = process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
    return () => process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.MOCK_DOMAIN, id: other });
  },
  MOCK_DOMAIN_REPLACE: (it) => {
    const { process, fd, stdev } = it;
    const { out_ioas_id: other } = process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
    return () => process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.MOCK_DOMAIN_REPLACE, id: stdev, a: other });
  },
  CREATE_ACCESS: (it) => {
    return () => access(it);
  },
  ACCESS_PAGES: (it) => {
    map(it, 0x2000000n);
    const { process, fd, page } = it;
    const file = access(it);
    const arg = { size: 72, op: TEST_OP.ACCESS_PAGES, id: file, a: 1, c: 0x2000000, e: 0x2000n, f: page };
    return () => process.call(fd, TEST_CMD, arg);
  },
  FAULT_QUEUE_ALLOC: ({ process, fd }) => {
    return () => process.call(fd, IOCTL.FAULT_QUEUE_ALLOC, { size: 16 });
  },
  VIOMMU_ALLOC: (it) => {
    const { process, fd, device } = it;
    const arg = { size: 40, type: IOMMUFD_TEST.IOMMU_VIOMMU_TYPE_SELFTEST, dev_id: device, hwpt_id: parent(it) };
    return () => process.call(fd, IOCTL.VIOMMU_ALLOC, arg);
  },
  IOAS_MAP_FILE: ({ process, fd, ioas }) => {
    const file = process.memfdCreate(0x4000);
    const arg = { size: 40, flags: MAP, ioas_id: ioas, fd: file, length: 0x4000n, iova: 0x2000000n };
    return () => process.call(fd, IOCTL.IOAS_MAP_FILE, arg);
  },
  'HWPT_ALLOC of a nested table': (it) => {
    const { process, fd, device, queue } = it;
    const data = nestedData(it);
    const flags = IOMMUFD.IOMMU_HWPT_FAULT_ID_VALID;
    const arg = { size: 48, dev_id: device, pt_id: parent(it), flags, fault_id: queue, ...data };
    return () => process.call(fd, IOCTL.HWPT_ALLOC, arg);
  },
  'HWPT_ALLOC below a viommu': (it) => {
    const { process, fd, device } = it;
    const arg = { size: 48, dev_id: device, pt_id: viommuOf(it), ...nestedData(it) };
    return () => process.call(fd, IOCTL.HWPT_ALLOC, arg);
  },
  PASID_ATTACH: (it) => {
    const { process, fd, ioas } = it;
    const flags = { op: TEST_OP.MOCK_DOMAIN_FLAGS, id: ioas, d: IOMMUFD_TEST.MOCK_FLAGS_DEVICE_PASID };
    const { a: stdev, c: device } = process.call(fd, TEST_CMD, { size: 72, ...flags });
    const hwpt = (): number =>
      process.call(fd, IOCTL.HWPT_ALLOC, {
        ...{ size: 48, dev_id: device, pt_id: ioas, flags: IOMMUFD.IOMMU_HWPT_ALLOC_PASID },
      }).out_hwpt_id;
    process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.MOCK_DOMAIN_REPLACE, id: stdev, a: hwpt() });
    const b = hwpt();
    return () => process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.PASID_ATTACH, id: stdev, a: 5, b });
  },
  'MAP_DMA of the VFIO compatibility': (it) => {
    const { process, fd, ioas, page } = it;
    process.call(fd, IOCTL.VFIO_IOAS, { size: 12, ioas_id: ioas, op: IOMMUFD.IOMMU_VFIO_IOAS_SET });
    const arg = { argsz: 32, flags: 3, vaddr: page, iova: 0x2000000n, size: 0x4000n };
    return () => process.call(fd, VFIO_CONTAINER_IOCTLS.IOMMU_MAP_DMA, arg);
  },
  'a cut by the UNMAP_DMA of type 1': (it) => {
    const { process, fd, ioas, page } = it;
    const { out_ioas_id: plain } = process.call(fd, IOCTL.IOAS_ALLOC, { size: 12 });
    expect(plain).not.toBe(ioas);
    process.call(fd, IOCTL.VFIO_IOAS, { size: 12, ioas_id: plain, op: IOMMUFD.IOMMU_VFIO_IOAS_SET });
    process.ioctl(fd, VFIO_CONTAINER_IOCTLS.SET_IOMMU.request, 1);
    const arg = { argsz: 32, flags: 3, vaddr: page, iova: 0x2000000n, size: 0x4000n };
    process.call(fd, VFIO_CONTAINER_IOCTLS.IOMMU_MAP_DMA, arg);
    return () =>
      process.call(fd, VFIO_CONTAINER_IOCTLS.IOMMU_UNMAP_DMA, { argsz: 24, iova: 0x2000000n, size: 0x1000n });
  },
  DMABUF_GET: ({ process, fd }) => {
    return () => process.call(fd, TEST_CMD, { size: 72, op: TEST_OP.DMABUF_GET, a: 0x2000, b: 2 });
  },
  VDEVICE_ALLOC: (it) => {
    const { process, fd, device } = it;
    const arg = { size: 24, viommu_id: viommuOf(it), dev_id: device, virt_id: 9n };
    return () => process.call(fd, IOCTL.VDEVICE_ALLOC, arg);
  },
  VEVENTQ_ALLOC: (it) => {
    const { process, fd } = it;
    const queue = { type: IOMMUFD_TEST.IOMMU_VEVENTQ_TYPE_SELFTEST, veventq_depth: 2 };
    const arg = { size: 32, viommu_id: viommuOf(it), ...queue };
    return () => process.call(fd, IOCTL.VEVENTQ_ALLOC, arg);
  },
  HW_QUEUE_ALLOC: (it) => {
    const { process, fd } = it;
    map(it, 0x2000000n);
    const queue = { size: 40, viommu_id: viommuOf(it), type: IOMMUFD_TEST.IOMMU_HW_QUEUE_TYPE_SELFTEST };
    return () => process.call(fd, IOCTL.HW_QUEUE_ALLOC, { ...queue, nesting_parent_iova: 0x2000000n, length: 4096n });
  },
};

describe('a call whose n-th allocation fails', () => {
  test.each(Object.entries(CALLS))(
    '%s: ENOMEM and nothing has changed, for every n, and then it succeeds',
    (_name, prepare) => {
      const it = setup();
      const call = prepare(it);
      const { machine, process, page } = it;
      const counter = process.install(machine.kernel.faults?.open(process.tid) ?? expect.fail(), 0);
      const text = process.memory.mmap(4096);
      let failed = 0;
      for (let n = 1; n < 100; n++) {
        const before = picture(machine, process, page);
        process.memory.write(text, new TextEncoder().encode(String(n)));
        process.pwrite(counter, text, String(n).length, 0n);
        try {
          call();
          break;
        } catch (error) {
          expect((error as Errno).code).toBe('ENOMEM');
          expect(error).toBeInstanceOf(Errno);
        }
        failed++;
        expect(picture(machine, process, page)).toEqual(before);
      }
      // What was told to fail did; the last call met fewer allocations than the number said.
      expect(failed).toBeGreaterThan(0);
      expect(process.pread(counter, text, 16, 0n)).toBeGreaterThan(1);
      process.pwrite(counter, text, 1, 0n);
      process.exit();
      expect(machine.iommufd.contexts.size).toBe(0);
    },
  );
});
