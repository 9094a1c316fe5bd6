/** Guest SVA: a process in the guest shares its page table with the device, under a PASID. */
import assert from 'node:assert/strict';
import { ioctls } from 'ioasid';
import { Engine, open, PAGE, READ_WRITE, readText, writeText } from './driver.js';
import { PageTable } from './page-table.js';

const { IOASID_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS } = ioctls;
const GUEST = 256n * PAGE;
const PASID = 100;
const { process, ioasid } = open();
const device = new Engine(process, ioasid, 'vfio5', 5n);
const gpa = process.ioctl(ioasid, IOASID_IOCTLS.ALLOC.request);
device.attach(gpa);
const guest = process.memory.mmap(GUEST);
process.call(ioasid, IOASID_IOCTLS.MAP_DMA, { ioasid: gpa, flags: READ_WRITE, vaddr: guest, iova: 0n, size: GUEST });

const sva = process.ioctl(ioasid, IOASID_IOCTLS.CREATE_NESTING.request, gpa);
device.attach(sva, PASID);
const table = new PageTable(process, guest, 0x80000n);
table.map(0x5555_0000_0000n, 0x3000n);
process.call(ioasid, IOASID_IOCTLS.BIND_PGTABLE, { ioasid: sva, addr: table.root, addr_width: 48 });
writeText(process, guest + 0x3000n, 'shared');
assert.equal(device.copy(0x5555_0000_0000n, 0x5555_0000_0100n, 6, PASID), 'done');
assert.equal(readText(process, guest + 0x3100n, 6), 'shared');

// ENQCMD: the guest submits with its own PASID; KVM knows the translation, and the number on the wire stays hidden.
const vm = process.ioctl(process.open('/dev/kvm'), KVM_IOCTLS.CREATE_VM.request);
const enqcmd = { op: 1, arg0: 5n, arg1: BigInt(PASID) };
assert.equal(process.call(vm, KVM_VM_IOCTLS.GUEST_OP, enqcmd).result, 0);
assert.equal(process.call(vm, KVM_VM_IOCTLS.GUEST_OP, enqcmd).op, 1);
process.call(vm, KVM_VM_IOCTLS.MAP_PASID, { user_pasid: PASID, ioasid_fd: ioasid, ioasid: sva });
writeText(process, guest + 0x3000n, 'again!');
process.call(vm, KVM_VM_IOCTLS.GUEST_OP, enqcmd);
assert.equal(readText(process, guest + 0x3100n, 6), 'again!');
console.log('the device worked in the address space of a process in the guest');
