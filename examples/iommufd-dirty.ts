/** Dirty tracking, as a live migration uses it: which pages did the device write since the last look? */
import assert from 'node:assert/strict';
import { bootMachine, linuxIommufd } from 'ioasid';
import { IommufdEngine, PAGE } from './driver.js';

const { IOMMUFD, IOMMUFD_IOCTLS } = linuxIommufd;
const FLAGS = IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA | IOMMUFD.IOMMU_IOAS_MAP_READABLE | IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE;

const process = bootMachine().spawn();
const iommufd = process.open('/dev/iommu');
const device = new IommufdEngine(process, iommufd, 'vfio2');
const { out_ioas_id: ioas } = process.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC, { size: 12 });
const length = 64n * PAGE;
const memory = process.memory.mmap(length);
process.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, {
  size: 40,
  flags: FLAGS,
  ioas_id: ioas,
  user_va: memory,
  length,
  iova: 0n,
});

const tracking = { size: 48, dev_id: device.id, pt_id: ioas, flags: IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING };
const hwpt_id = process.call(iommufd, IOMMUFD_IOCTLS.HWPT_ALLOC, tracking).out_hwpt_id;
device.attach(hwpt_id);
const enable = { size: 16, hwpt_id, flags: IOMMUFD.IOMMU_HWPT_DIRTY_TRACKING_ENABLE };
process.call(iommufd, IOMMUFD_IOCTLS.HWPT_SET_DIRTY_TRACKING, enable);

const bitmap = process.memory.mmap(PAGE);
/** The pages that were written since the last look. */
function dirty(): number[] {
  process.memory.write(bitmap, new Uint8Array(8));
  const look = { size: 48, hwpt_id, iova: 0n, length, page_size: PAGE, data: bitmap };
  process.call(iommufd, IOMMUFD_IOCTLS.HWPT_GET_DIRTY_BITMAP, look);
  const bits = new Uint8Array(8);
  process.memory.read(bitmap, bits);
  return Array.from({ length: 64 }, (_, page) => page).filter((page) => (bits[page >> 3] ?? 0) & (1 << (page & 7)));
}

assert.equal(device.copy(0n, 5n * PAGE + 4000n, 200), 'done');
assert.equal(device.copy(0n, 40n * PAGE, 1), 'done');
assert.deepEqual(dirty(), [5, 6, 40]);
assert.deepEqual(dirty(), []);
console.log('the device wrote pages 5, 6 and 40');
