/** Memory that is registered once: charged once, and mapped as often as one likes. */
import assert from 'node:assert/strict';
import { bootMachine, Errno, ioctls } from 'ioasid';
import { Engine, PAGE, READ_WRITE } from './driver.js';

const { IOASID_IOCTLS } = ioctls;
const process = bootMachine().spawn({ memlock: 16n * PAGE });
const ioasid = process.open('/dev/ioasid');
const memory = process.memory.mmap(32n * PAGE);
process.call(ioasid, IOASID_IOCTLS.REGISTER_MEMORY, { vaddr: memory, size: 16n * PAGE });
for (const name of ['vfio1', 'vfio2']) {
  const device = new Engine(process, ioasid, name, 1n);
  const space = process.ioctl(ioasid, IOASID_IOCTLS.ALLOC.request);
  device.attach(space);
  process.call(ioasid, IOASID_IOCTLS.MAP_DMA, {
    ioasid: space,
    flags: READ_WRITE,
    vaddr: memory,
    iova: 0n,
    size: 16n * PAGE,
  });
  assert.equal(device.copy(0n, PAGE, 100), 'done');
  // Memory outside the registration cannot be mapped any more.
  const outside = { ioasid: space, flags: READ_WRITE, vaddr: memory + 16n * PAGE, iova: 0x100000n, size: PAGE };
  assert.throws(
    () => process.call(ioasid, IOASID_IOCTLS.MAP_DMA, outside),
    (error) => error instanceof Errno && error.code === 'EPERM',
  );
}
assert.equal(process.mm.lockedPages, 16);
console.log('16 pages were charged once, and mapped twice');
