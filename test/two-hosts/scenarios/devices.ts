/** Device files of VFIO, and KVM. */
import { VFIO_DEVICE_IOCTLS } from '../../../src/abi/vfio.js';
import { constants, ioctls } from '../../../src/index.js';
import { attempt, boundary, IOVA, PAGE, type Scenarios, started } from './common.js';

const { IOASID_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS, KVM_DEVICE_IOCTLS } = ioctls;
const { ALLOC } = constants;

export const DEVICES: Scenarios = {
  'the boundary of a device file': (stage) => {
    const it = started(stage);
    const { RESET: _, ...table } = VFIO_DEVICE_IOCTLS;
    boundary(it.process, it.bind('vfio1').fd, table);
  },

  'KVM: slots, proofs, the guest’s flush': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const kvm = process.open('/dev/kvm');
    const vm = process.ioctl(kvm, KVM_IOCTLS.CREATE_VM.request);
    const { fd: kvmVfio } = process.call(vm, KVM_VM_IOCTLS.CREATE_DEVICE, { type: 4 });
    attempt(() => process.call(vm, KVM_VM_IOCTLS.CREATE_DEVICE, { type: 4 }));
    const pointer = process.memory.mmap(PAGE);
    const proof = (file: number, attr: bigint) => {
      process.memory.write(pointer, new Uint8Array(new Int32Array([file]).buffer));
      attempt(() => process.call(kvmVfio, KVM_DEVICE_IOCTLS.SET_DEVICE_ATTR, { group: 2, attr, addr: pointer }));
    };
    const guest = (op: number, arg0 = 0n, arg1 = 0n) =>
      attempt(() => process.call(vm, KVM_VM_IOCTLS.GUEST_OP, { op, arg0, arg1 }));
    proof(fd, 1n);
    proof(fd, 1n);
    proof(kvm, 1n);
    proof(-1, 1n);
    guest(0);
    const device = it.bind('vfio0');
    const ioasid = it.alloc(ALLOC.IOASID_ALLOC_NO_ENFORCE_SNOOP);
    it.attach(device, ioasid);
    guest(0);
    attempt(() => process.ioctl(fd, IOASID_IOCTLS.EXECUTE_WBINVD.request));
    attempt(() => process.ioctl(vm, KVM_VM_IOCTLS.ENABLE_WBINVD.request, fd));
    const slot = process.memory.mmap(2n * PAGE);
    attempt(() =>
      process.call(vm, KVM_VM_IOCTLS.SET_USER_MEMORY_REGION, { memory_size: 2n * PAGE, userspace_addr: slot }),
    );
    guest(3, 8n, 0x1234n);
    guest(2, 8n);
    guest(2, 2n * PAGE);
    process.memory.read(slot, new Uint8Array(16));
    it.detach(device, ioasid);
    guest(0);
    attempt(() => process.ioctl(fd, IOASID_IOCTLS.EXECUTE_WBINVD.request));
    proof(fd, 2n);
    proof(fd, 2n);
    guest(9);
  },

  'device files: information, configuration space, registers, an interrupt': (stage) => {
    const it = started(stage);
    const { process } = it;
    for (const name of ['vfio0', 'vfio1', 'vfio3', 'vfio5']) {
      const unbound = process.open(`/dev/vfio/devices/${name}`);
      attempt(() => process.call(unbound, VFIO_DEVICE_IOCTLS.GET_INFO));
      process.close(unbound);
      const { fd } = it.bind(name);
      process.call(fd, VFIO_DEVICE_IOCTLS.GET_INFO);
      for (let index = 0; index < 11; index++) {
        attempt(() => process.call(fd, VFIO_DEVICE_IOCTLS.GET_REGION_INFO, { index }));
        attempt(() => process.call(fd, VFIO_DEVICE_IOCTLS.GET_IRQ_INFO, { index }));
      }
      const buffer = process.memory.mmap(PAGE);
      for (const [offset, size] of [
        [7n << 40n, 64],
        [(7n << 40n) + 64n, 192],
        [(7n << 40n) + 256n, 256],
        [7n << 40n, 4096],
        [(7n << 40n) + 4095n, 2],
        [9n << 40n, 4],
        [0n, 8],
        [0n, 3],
        [0x1000n, 4],
      ] as const) {
        attempt(() => process.pread(fd, buffer, size, offset));
        process.memory.read(buffer, new Uint8Array(size));
      }
      for (const value of [0, 2, 6, 0x406, 0xffff]) {
        process.memory.write(buffer, new Uint8Array(new Uint16Array([value]).buffer));
        attempt(() => process.pwrite(fd, buffer, 2, (7n << 40n) + 4n));
        process.pread(fd, buffer, 4, (7n << 40n) + 4n);
        process.memory.read(buffer, new Uint8Array(4));
      }
    }
    const engine = it.bind('vfio2');
    const ioasid = it.alloc();
    it.attach(engine, ioasid);
    it.map(ioasid, IOVA);
    const signal = process.eventfdCreate();
    const set = process.memory.mmap(PAGE);
    const view = new DataView(new ArrayBuffer(24));
    [24, 0x24, 2, 0, 1, signal].forEach((word, i) => {
      view.setUint32(i * 4, word, true);
    });
    process.memory.write(set, new Uint8Array(view.buffer));
    attempt(() => process.ioctl(engine.fd, VFIO_DEVICE_IOCTLS.SET_IRQS.request, set));
    process.readable(signal);
    engine.write(constants.DMAE.IOASID_DMAE_REG_COMMAND, 1n);
    engine.write(constants.DMAE.IOASID_DMAE_REG_DST, IOVA, 8);
    engine.write(constants.DMAE.IOASID_DMAE_REG_LENGTH, 8n);
    engine.write(constants.DMAE.IOASID_DMAE_REG_FLAGS, 4n);
    engine.write(constants.DMAE.IOASID_DMAE_REG_DOORBELL, 1n);
    process.readable(signal);
  },
};
