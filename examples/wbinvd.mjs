// The story of wbinvd.c for a machine without a C compiler: the same real system calls, made from Node through koffi.
// The second process is this file again, started with the descriptor of a socket.
import { spawn } from 'node:child_process';
import { constants, ioctls, linuxConstants, linuxStructs, structs } from '../dist/index.js';
import { addressOf, check, cString, errno, libc } from '../dist/runner/host/libc.js';
import { makeSocketPair, receiveDescriptor, sendDescriptor } from './fd-passing.mjs';

const AT_FDCWD = -100;
const COPY = 0;
const NO_SNOOP = 1;
const IOVA = 0x100000n;
const PAGE = 4096;

const { IOASID_IOCTLS, VFIO_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS, KVM_DEVICE_IOCTLS } = ioctls;
const { DMAE, KVM } = constants;

/** A struct of the API in memory of its own. */
function make(layout, fields) {
  const view = new DataView(new ArrayBuffer(layout.size));
  layout.set.argsz?.(view, layout.size);
  for (const [name, value] of Object.entries(fields)) layout.set[name](view, value);
  return view;
}

const ioctl = (fd, { request, name }, argument = 0) =>
  check(libc.ioctl(fd, request, typeof argument === 'object' ? addressOf(argument) : argument), name);
const open = (path) => check(libc.openat(AT_FDCWD, addressOf(cString(path)), linuxConstants.O.RDWR, 0), path);

function flush(who, fd) {
  const refused = libc.ioctl(fd, IOASID_IOCTLS.EXECUTE_WBINVD.request, 0) < 0;
  console.log(refused ? `${who} was refused: ${libc.strerror(errno())}` : `${who} flushed every cache of the machine`);
}

function guestFlush(vm) {
  const operation = make(structs.kvm_guest_op, { op: KVM.KVM_GUEST_OP_WBINVD });
  ioctl(vm, KVM_VM_IOCTLS.GUEST_OP, operation);
  const emulated = structs.kvm_guest_op.get.result(operation) === KVM.KVM_GUEST_OP_EMULATED;
  console.log(`the guest's WBINVD ${emulated ? 'flushed every cache of the machine' : 'was a no-op'}`);
}

function setRegister(device, offset, value, size) {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigUint64(0, BigInt(value), true);
  check(libc.pwrite(device, addressOf(bytes), size, offset), 'write register');
}

/** Another process, without any privilege, that never opened /dev/ioasid. */
function child() {
  const ioasid = receiveDescriptor(3);
  if (process.geteuid() === 0) {
    process.setgroups([]);
    process.setgid(65534);
    process.setuid(65534);
  }
  flush('an unprivileged process with the descriptor', ioasid);
}

async function main() {
  const ioasid = open('/dev/ioasid');
  const device = open('/dev/vfio/devices/vfio0');
  ioctl(device, VFIO_IOCTLS.BIND_IOASID_FD, make(structs.vfio_bind_ioasid_fd, { ioasid_fd: ioasid, cookie: 1n }));
  const space = ioctl(ioasid, IOASID_IOCTLS.ALLOC);
  flush('before a device is attached, the process', ioasid);
  const attach = make(structs.vfio_attach_ioasid, { ioasid: space });
  ioctl(device, VFIO_IOCTLS.ATTACH_IOASID, attach);

  // Two whole pages of our memory.
  const memory = new Uint8Array(new ArrayBuffer(3 * PAGE));
  const skip = (PAGE - (addressOf(memory) % PAGE)) % PAGE;
  const text = new TextEncoder().encode('copied by DMA');
  memory.set(text, skip);
  const vaddr = BigInt(addressOf(memory) + skip);
  ioctl(
    ioasid,
    IOASID_IOCTLS.MAP_DMA,
    make(structs.ioasid_dma_map, { flags: 3, ioasid: space, vaddr, iova: IOVA, size: 0x2000n }),
  );
  setRegister(device, DMAE.IOASID_DMAE_REG_SRC, IOVA, 8);
  setRegister(device, DMAE.IOASID_DMAE_REG_DST, IOVA + 0x1000n, 8);
  setRegister(device, DMAE.IOASID_DMAE_REG_LENGTH, PAGE, 4);
  setRegister(device, DMAE.IOASID_DMAE_REG_COMMAND, COPY, 4);
  setRegister(device, DMAE.IOASID_DMAE_REG_FLAGS, NO_SNOOP, 4);
  flush('with the device attached, the process', ioasid);
  setRegister(device, DMAE.IOASID_DMAE_REG_DOORBELL, 1, 4);
  console.log(
    `the device did DMA: "${new TextDecoder().decode(memory.subarray(skip + PAGE, skip + PAGE + text.length))}"`,
  );

  const vm = ioctl(open('/dev/kvm'), KVM_IOCTLS.CREATE_VM);
  guestFlush(vm);
  const create = make(linuxStructs.kvm_create_device, { type: linuxConstants.LINUX_KVM.KVM_DEV_TYPE_VFIO });
  ioctl(vm, KVM_VM_IOCTLS.CREATE_DEVICE, create);
  const number = new DataView(new ArrayBuffer(8));
  number.setInt32(0, ioasid, true);
  const proof = { group: KVM.KVM_DEV_IOASID, attr: BigInt(KVM.KVM_DEV_IOASID_ADD), addr: BigInt(addressOf(number)) };
  ioctl(
    linuxStructs.kvm_create_device.get.fd(create),
    KVM_DEVICE_IOCTLS.SET_DEVICE_ATTR,
    make(linuxStructs.kvm_device_attr, proof),
  );
  guestFlush(vm);

  const [ours, theirs] = makeSocketPair();
  const other = spawn(process.execPath, [import.meta.filename, 'child'], {
    stdio: ['ignore', 'inherit', 'inherit', theirs],
  });
  sendDescriptor(ours, ioasid);
  await new Promise((resolve) => other.on('exit', resolve));

  ioctl(device, VFIO_IOCTLS.DETACH_IOASID, attach);
  ioctl(device, VFIO_IOCTLS.UNBIND_IOASID_FD);
  flush('without any device, the process', ioasid);
  guestFlush(vm);
}

if (process.argv[2] === 'child') child();
else await main();
