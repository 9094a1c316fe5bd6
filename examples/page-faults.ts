/** Page faults: memory is mapped when the device asks for it. */
import assert from 'node:assert/strict';
import { ioctls, structs } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';

const { IOASID_IOCTLS } = ioctls;
const { process, ioasid } = open();
const device = new Engine(process, ioasid, 'vfio1', 7n);
const space = process.ioctl(ioasid, IOASID_IOCTLS.ALLOC.request);
device.attach(space);
const faults = process.call(ioasid, IOASID_IOCTLS.FAULT_FD, { ioasid: space }).result;
const memory = process.memory.mmap(8n * PAGE);
writeText(process, memory, 'on demand');

// Nothing is mapped: the command waits, page by page.
let outcome = device.copy(0n, 4n * PAGE + 4092n, 9);
const buffer = process.memory.mmap(PAGE);
let pages = 0;
while (outcome === 'waiting') {
  process.read(faults, buffer, structs.ioasid_fault.size);
  const bytes = new Uint8Array(structs.ioasid_fault.size);
  process.memory.read(buffer, bytes);
  const fault = new DataView(bytes.buffer);
  const { get } = structs.ioasid_fault;
  const iova = get.addr(fault);
  process.call(ioasid, IOASID_IOCTLS.MAP_DMA, {
    ioasid: space,
    flags: READ_WRITE,
    vaddr: memory + iova,
    iova,
    size: PAGE,
  });
  process.call(ioasid, IOASID_IOCTLS.PAGE_RESPONSE, {
    ioasid: space,
    grpid: get.grpid(fault),
    cookie: get.cookie(fault),
    code: 0,
  });
  pages++;
  outcome = device.outcome();
}
assert.equal(outcome, 'done');
assert.equal(pages, 3);
assert.equal(readText(process, memory + 4n * PAGE + 4092n, 9), 'on demand');
console.log(`${pages} pages were mapped on demand`);
