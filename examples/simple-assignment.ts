/** One device, one address space: what a user-space driver or a VMM without vIOMMU does. */
import assert from 'node:assert/strict';
import { ioctls } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';

const { process, ioasid } = open();
const device = new Engine(process, ioasid, 'vfio2', 1n);
const space = process.ioctl(ioasid, ioctls.IOASID_IOCTLS.ALLOC.request);
device.attach(space);

const memory = process.memory.mmap(4n * PAGE);
process.call(ioasid, ioctls.IOASID_IOCTLS.MAP_DMA, {
  ioasid: space,
  flags: READ_WRITE,
  vaddr: memory,
  iova: 0x10000n,
  size: 4n * PAGE,
});
writeText(process, memory, 'by DMA');
assert.equal(device.copy(0x10000n, 0x12000n, 6), 'done');
assert.equal(readText(process, memory + 2n * PAGE, 6), 'by DMA');
console.log('the device copied its driver’s memory');
