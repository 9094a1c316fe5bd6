/** A fault queue: the device asks for a page of the guest's own table, and the guest maps it. */
import assert from 'node:assert/strict';
import { bootMachine, linuxIommufd } from 'ioasid';
import { IommufdEngine, PAGE, readText, writeText } from './driver.js';
import { PageTable } from './page-table.js';

const { IOMMUFD, IOMMUFD_IOCTLS } = linuxIommufd;
const { iommu_hwpt_vtd_s1, iommu_hwpt_pgfault, iommu_hwpt_page_response } = linuxIommufd;
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
const queue = process.call(iommufd, IOMMUFD_IOCTLS.FAULT_QUEUE_ALLOC, { size: 16 });

const table = new PageTable(process, guest, 0x80000n);
const buffer = process.memory.mmap(PAGE);
const view = new DataView(new ArrayBuffer(iommu_hwpt_vtd_s1.size));
iommu_hwpt_vtd_s1.set.pgtbl_addr(view, table.root);
iommu_hwpt_vtd_s1.set.addr_width(view, 48);
process.memory.write(buffer, new Uint8Array(view.buffer));
const nested = process.call(iommufd, IOMMUFD_IOCTLS.HWPT_ALLOC, {
  ...alloc,
  pt_id: parent,
  flags: IOMMUFD.IOMMU_HWPT_FAULT_ID_VALID,
  fault_id: queue.out_fault_id,
  data_type: IOMMUFD.IOMMU_HWPT_DATA_VTD_S1,
  data_len: view.byteLength,
  data_uptr: buffer,
}).out_hwpt_id;
device.attach(nested);

writeText(process, guest + 0x1000n, 'on demand');
let outcome = device.copy(0x7000_0000n, 0x7000_0800n, 9);
let pages = 0;
while (outcome === 'waiting') {
  assert.equal(process.read(queue.out_fault_fd, buffer, iommu_hwpt_pgfault.size), iommu_hwpt_pgfault.size);
  const fault = new DataView(new ArrayBuffer(iommu_hwpt_pgfault.size));
  process.memory.read(buffer, new Uint8Array(fault.buffer));
  assert.equal(iommu_hwpt_pgfault.get.dev_id(fault), device.id);
  table.map(iommu_hwpt_pgfault.get.addr(fault), 0x1000n);
  const answer = new DataView(new ArrayBuffer(iommu_hwpt_page_response.size));
  iommu_hwpt_page_response.set.cookie(answer, iommu_hwpt_pgfault.get.cookie(fault));
  iommu_hwpt_page_response.set.code(answer, IOMMUFD.IOMMUFD_PAGE_RESP_SUCCESS);
  process.memory.write(buffer, new Uint8Array(answer.buffer));
  process.write(queue.out_fault_fd, buffer, answer.byteLength);
  pages++;
  outcome = device.outcome();
}
assert.equal(outcome, 'done');
assert.equal(readText(process, guest + 0x1800n, 9), 'on demand');
console.log(`${pages} page was mapped when the device asked for it`);
