/** A guest that owns the whole PASID table of a device: the table selects the page table by PASID. */
import assert from 'node:assert/strict';
import { ioctls } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';
import { PageTable } from './page-table.js';

const { IOASID_IOCTLS } = ioctls;
const GUEST = 256n * PAGE;
const DIRECTORY = 0x40000n;
const { process, ioasid } = open();
const device = new Engine(process, ioasid, 'vfio1', 1n);
const gpa = process.ioctl(ioasid, IOASID_IOCTLS.ALLOC.request);
device.attach(gpa);
const guest = process.memory.mmap(GUEST);
process.call(ioasid, IOASID_IOCTLS.MAP_DMA, { ioasid: gpa, flags: READ_WRITE, vaddr: guest, iova: 0n, size: GUEST });
const child = process.ioctl(ioasid, IOASID_IOCTLS.CREATE_NESTING.request, gpa);
device.attach(child);
process.call(ioasid, IOASID_IOCTLS.BIND_PASID_TABLE, { ioasid: child, addr: DIRECTORY, pasid_bits: 8 });

for (const [i, pasid] of [3, 200].entries()) {
  const table = new PageTable(process, guest, 0x50000n + BigInt(i) * 0x10000n);
  const page = BigInt(i + 1) * PAGE;
  table.map(0x9000n, page);
  // An entry: bit 0 present, then the address of the table.
  const entry = new Uint8Array(new BigUint64Array([table.root | 1n]).buffer);
  process.memory.write(guest + DIRECTORY + BigInt(pasid) * 8n, entry);
  writeText(process, guest + page, `PASID ${pasid}`.padEnd(9));
  assert.equal(device.copy(0x9000n, 0x9100n, 9, pasid), 'done');
  assert.equal(readText(process, guest + page + 0x100n, 9), `PASID ${pasid}`.padEnd(9));
}
assert.equal(device.copy(0x9000n, 0x9100n, 9, 4), 1);
console.log('each PASID had its own page table');
