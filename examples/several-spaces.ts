/** Two devices in two address spaces: the same IOVA means different memory to each. */
import assert from 'node:assert/strict';
import { ioctls } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';

const { process, ioasid } = open();
const memory = process.memory.mmap(4n * PAGE);
const engines = ['vfio1', 'vfio2'].map((name, i) => {
  const device = new Engine(process, ioasid, name, BigInt(i));
  const space = process.ioctl(ioasid, ioctls.IOASID_IOCTLS.ALLOC.request);
  device.attach(space);
  const vaddr = memory + BigInt(i) * 2n * PAGE;
  process.call(ioasid, ioctls.IOASID_IOCTLS.MAP_DMA, {
    ioasid: space,
    flags: READ_WRITE,
    vaddr,
    iova: 0n,
    size: 2n * PAGE,
  });
  writeText(process, vaddr, `device ${i}`);
  return { device, vaddr };
});
for (const [i, { device, vaddr }] of engines.entries()) {
  assert.equal(device.copy(0n, PAGE, 8), 'done');
  assert.equal(readText(process, vaddr + PAGE, 8), `device ${i}`);
}
console.log('two devices used the same IOVA for different memory');
