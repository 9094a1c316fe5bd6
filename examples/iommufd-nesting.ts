/** A guest's own page table under /dev/iommu: the hardware walks it on top of the guest's memory. */
import assert from 'node:assert/strict';
import { bootMachine, linuxIommufd } from 'ioasid';
import { IommufdEngine, PAGE, readText, writeText } from './driver.js';
import { PageTable } from './page-table.js';

const { IOMMUFD, IOMMUFD_IOCTLS } = linuxIommufd;
const { iommu_hwpt_vtd_s1, iommu_hwpt_vtd_s1_invalidate } = linuxIommufd;
const FLAGS = IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA | IOMMUFD.IOMMU_IOAS_MAP_READABLE | IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE;
const GUEST = 256n * PAGE;

const process = bootMachine().spawn();
const iommufd = process.open('/dev/iommu');
const device = new IommufdEngine(process, iommufd, 'vfio1');
const { out_ioas_id: ioas } = process.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC, { size: 12 });
const guest = process.memory.mmap(GUEST);
const map = { size: 40, flags: FLAGS, ioas_id: ioas, user_va: guest, length: GUEST, iova: 0n };
process.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, map);

const alloc = { size: 48, dev_id: device.id };
const nestParent = { ...alloc, pt_id: ioas, flags: IOMMUFD.IOMMU_HWPT_ALLOC_NEST_PARENT };
const parent = process.call(iommufd, IOMMUFD_IOCTLS.HWPT_ALLOC, nestParent).out_hwpt_id;

const table = new PageTable(process, guest, 0x80000n);
table.map(0x7000_0000n, 0x1000n);
const data = process.memory.mmap(PAGE);
const view = new DataView(new ArrayBuffer(iommu_hwpt_vtd_s1.size));
iommu_hwpt_vtd_s1.set.pgtbl_addr(view, table.root);
iommu_hwpt_vtd_s1.set.addr_width(view, 48);
process.memory.write(data, new Uint8Array(view.buffer));
const user = { data_type: IOMMUFD.IOMMU_HWPT_DATA_VTD_S1, data_len: view.byteLength, data_uptr: data };
const nested = process.call(iommufd, IOMMUFD_IOCTLS.HWPT_ALLOC, { ...alloc, pt_id: parent, ...user }).out_hwpt_id;
device.attach(nested);

writeText(process, guest + 0x1000n, 'walked');
assert.equal(device.copy(0x7000_0000n, 0x7000_0800n, 6), 'done');
assert.equal(readText(process, guest + 0x1800n, 6), 'walked');

// The guest changes the entry; the IOTLB has the old one until it is told.
table.map(0x7000_0000n, 0x2000n);
writeText(process, guest + 0x2000n, 'newer!');
const range = new DataView(new ArrayBuffer(iommu_hwpt_vtd_s1_invalidate.size));
iommu_hwpt_vtd_s1_invalidate.set.addr(range, 0x7000_0000n);
iommu_hwpt_vtd_s1_invalidate.set.npages(range, 1n);
process.memory.write(data, new Uint8Array(range.buffer));
const one = { hwpt_id: nested, data_uptr: data, entry_len: range.byteLength, entry_num: 1 };
process.call(iommufd, IOMMUFD_IOCTLS.HWPT_INVALIDATE, { size: 32, ...one });
assert.equal(device.copy(0x7000_0000n, 0x7000_0800n, 6), 'done');
assert.equal(readText(process, guest + 0x2800n, 6), 'newer!');
console.log('the hardware walked the guest’s table');
