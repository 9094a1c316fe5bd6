/** Memory that one IOAS has already, copied into another: a VMM gives a second device the guest's memory without pinning twice. */
import assert from 'node:assert/strict';
import { bootMachine, linuxIommufd } from 'ioasid';
import { IommufdEngine, PAGE, readText, writeText } from './driver.js';

const { IOMMUFD, IOMMUFD_IOCTLS } = linuxIommufd;
const FLAGS = IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA | IOMMUFD.IOMMU_IOAS_MAP_READABLE | IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE;

const process = bootMachine().spawn();
const iommufd = process.open('/dev/iommu');
const ioas = () => process.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC, { size: 12 }).out_ioas_id;
const [guest, other] = [ioas(), ioas()];
const memory = process.memory.mmap(16n * PAGE);
const length = 16n * PAGE;
const map = { size: 40, flags: FLAGS, ioas_id: guest, user_va: memory, length, iova: 0n };
process.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, map);
const whole = { size: 40, flags: FLAGS, dst_ioas_id: other, src_ioas_id: guest, length };
process.call(iommufd, IOMMUFD_IOCTLS.IOAS_COPY, { ...whole, src_iova: 0n, dst_iova: 0x100000n });

const device = new IommufdEngine(process, iommufd, 'vfio2');
device.attach(other);
writeText(process, memory, 'copied');
// The source may go: the pages are shared, not the mapping.
process.call(iommufd, IOMMUFD_IOCTLS.DESTROY, { size: 8, id: guest });
assert.equal(device.copy(0x100000n, 0x101000n, 6), 'done');
assert.equal(readText(process, memory + PAGE, 6), 'copied');
console.log('the second address space has the pages of the first');
