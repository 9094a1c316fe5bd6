/** A guest with a vIOMMU, without help of the hardware: the child's mappings are merged with the parent's. */
import assert from 'node:assert/strict';
import { ioctls } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';

const { IOASID_IOCTLS } = ioctls;
const { process, ioasid } = open();
const device = new Engine(process, ioasid, 'vfio0', 1n);
const gpa = process.ioctl(ioasid, IOASID_IOCTLS.ALLOC.request);
device.attach(gpa);
const guest = process.memory.mmap(16n * PAGE);
const all = { ioasid: gpa, flags: READ_WRITE, vaddr: guest, iova: 0n, size: 16n * PAGE };
process.call(ioasid, IOASID_IOCTLS.MAP_DMA, all);

// The guest maps its address 0x3000 at IOVA 0x100000; in a child, vaddr is the parent's address.
const giova = process.ioctl(ioasid, IOASID_IOCTLS.CREATE_NESTING.request, gpa);
device.attach(giova);
process.call(ioasid, IOASID_IOCTLS.MAP_DMA, {
  ioasid: giova,
  flags: READ_WRITE,
  vaddr: 0x3000n,
  iova: 0x100000n,
  size: PAGE,
});
writeText(process, guest + 0x3000n, 'guest');
assert.equal(device.copy(0x100000n, 0x100800n, 5), 'done');
assert.equal(readText(process, guest + 0x3800n, 5), 'guest');

// The merged translation follows the parent.
process.call(ioasid, IOASID_IOCTLS.UNMAP_DMA, { ioasid: gpa, iova: 0n, size: 16n * PAGE });
assert.equal(device.copy(0x100000n, 0x100800n, 5), 1);
process.call(ioasid, IOASID_IOCTLS.MAP_DMA, all);
assert.equal(device.copy(0x100000n, 0x100800n, 5), 'done');
console.log('the child followed its parent');
