// The parts of one served call, each alone: what the serving loop does for IOASID_GET_INFO.
import { openSync } from 'node:fs';
import { bootMachine, ioctls, structs } from '../../dist/index.js';
import { addressOf, libc } from '../../dist/runner/host/libc.js';
import { numberOf } from '../../dist/runner/seccomp/syscalls.js';

const COUNT = 200_000;

function time(act) {
  for (let i = 0; i < COUNT / 10; i++) act();
  const start = process.hrtime.bigint();
  for (let i = 0; i < COUNT; i++) act();
  return Number(process.hrtime.bigint() - start) / COUNT;
}

/** An IOASID_GET_INFO of a simulated process: the kernel's own work. */
function kernelWork() {
  const machine = bootMachine();
  const process = machine.spawn();
  const fd = process.open('/dev/ioasid');
  const id = process.ioctl(fd, ioctls.IOASID_IOCTLS.ALLOC.request);
  const view = new DataView(new ArrayBuffer(structs.ioasid_info.size));
  structs.ioasid_info.set.argsz(view, structs.ioasid_info.size);
  structs.ioasid_info.set.ioasid(view, id);
  const address = process.memory.mmap(4096);
  process.memory.write(address, new Uint8Array(view.buffer));
  return () => process.ioctl(fd, ioctls.IOASID_IOCTLS.GET_INFO.request, address);
}

export function parts() {
  const polls = new DataView(new ArrayBuffer(24));
  const wake = libc.eventfd(1, 0);
  [wake, wake, wake].forEach((fd, i) => {
    polls.setInt32(i * 8, fd, true);
    polls.setInt16(i * 8 + 4, 1, true);
  });
  const directory = openSync('/proc/self/fd', 0o10200000);
  const name = new TextEncoder().encode(`${wake}\0`);
  const stat = new Uint8Array(new ArrayBuffer(256));
  const bytes = new Uint8Array(new ArrayBuffer(64));
  const iovec = new DataView(new ArrayBuffer(16));
  iovec.setBigUint64(0, BigInt(addressOf(bytes)), true);
  iovec.setBigUint64(8, 56n, true);
  const [pollAt, nameAt, statAt, iovecAt] = [polls, name, stat, iovec].map(addressOf);
  const newfstatat = numberOf('newfstatat');
  return [
    ['poll over three descriptors', time(() => libc.poll(pollAt, 3, 0))],
    [
      'identify the file (fstatat in /proc/TID/fd)',
      time(() => libc.syscall(newfstatat, directory, nameAt, statAt, 0, 0)),
    ],
    [
      'read the struct (process_vm_readv, 56 bytes)',
      time(() => libc.process_vm_readv(process.pid, iovecAt, 1, iovecAt, 1, 0)),
    ],
    [
      'write it back (process_vm_writev, 56 bytes)',
      time(() => libc.process_vm_writev(process.pid, iovecAt, 1, iovecAt, 1, 0)),
    ],
    ['an ioctl on the listener, as RECV, ID_VALID, SEND (FFI and entry only)', time(() => libc.ioctl(-1, 0, 0))],
    ['the virtual kernel (boundary, GET_INFO, simulated memory)', time(kernelWork())],
  ];
}
