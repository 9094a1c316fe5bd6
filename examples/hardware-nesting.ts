/** A guest with a vIOMMU whose page table the hardware walks: no call per mapping, but invalidations. */
import assert from 'node:assert/strict';
import { constants, ioctls } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';
import { PageTable } from './page-table.js';

const { IOASID_IOCTLS } = ioctls;
const GUEST = 256n * PAGE;
const { process, ioasid } = open();
const device = new Engine(process, ioasid, 'vfio1', 1n);
const gpa = process.ioctl(ioasid, IOASID_IOCTLS.ALLOC.request);
device.attach(gpa);
const guest = process.memory.mmap(GUEST);
process.call(ioasid, IOASID_IOCTLS.MAP_DMA, { ioasid: gpa, flags: READ_WRITE, vaddr: guest, iova: 0n, size: GUEST });

const child = process.ioctl(ioasid, IOASID_IOCTLS.CREATE_NESTING.request, gpa);
device.attach(child);
const table = new PageTable(process, guest, 0x80000n);
table.map(0x7000_0000n, 0x1000n);
const format = constants.PGTABLE.IOASID_PGTABLE_X86_64_4LEVEL;
process.call(ioasid, IOASID_IOCTLS.BIND_PGTABLE, { ioasid: child, format, addr: table.root, addr_width: 48 });
writeText(process, guest + 0x1000n, 'walked');
assert.equal(device.copy(0x7000_0000n, 0x7000_0800n, 6), 'done');
assert.equal(readText(process, guest + 0x1800n, 6), 'walked');

// The guest changes the entry; the IOTLB still has the old one until it is told.
table.map(0x7000_0000n, 0x2000n);
writeText(process, guest + 0x2000n, 'newer!');
assert.equal(device.copy(0x7000_0000n, 0x7000_0800n, 6), 'done');
assert.equal(readText(process, guest + 0x2800n, 6), '\0\0\0\0\0\0');
const range = { granularity: constants.INVALIDATE.IOASID_INVALIDATE_RANGE, iova: 0x7000_0000n, size: PAGE };
process.call(ioasid, IOASID_IOCTLS.INVALIDATE_CACHE, { ioasid: child, ...range });
assert.equal(device.copy(0x7000_0000n, 0x7000_0800n, 6), 'done');
assert.equal(readText(process, guest + 0x2800n, 6), 'newer!');
console.log('the IOTLB was stale until it was invalidated');
