/** Scenarios that are played on two hosts: simulated processes, and real ones under the runner. */
import { IOMMUFD_IOCTLS } from '../../src/abi/iommufd.js';
import { VFIO_DEVICE_IOCTLS, VFIO_IOMMUFD_IOCTLS } from '../../src/abi/vfio.js';
import { VFIO_CONTAINER_IOCTLS, VFIO_GROUP_IOCTLS } from '../../src/abi/vfio-container.js';
import { constants, Errno, ioctls, type Process } from '../../src/index.js';
import { random } from '../random.js';
import { user } from '../simulated.js';
import type { Stage } from './record.js';

const { IOASID_IOCTLS, VFIO_IOCTLS, KVM_IOCTLS, KVM_VM_IOCTLS, KVM_DEVICE_IOCTLS } = ioctls;
const { ALLOC } = constants;
const PAGE = 4096n;
const IOVA = 0x10_0000n;

/** Every call is wanted, refused or not: the answers are what counts. */
function attempt(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

function started(stage: Stage) {
  return user(stage.machine, stage.spawn());
}

/** The ioctl boundary: each ioctl of a file with a bad pointer, short, with unknown flags, and with reserved fields set. */
function boundary(
  process: Process,
  fd: number,
  table: Readonly<Record<string, { request: number; argument: unknown }>>,
) {
  for (const { request, argument } of Object.values(table)) {
    for (const pointer of [0n, 0x1000n, 1n << 63n, (1n << 64n) - 1n])
      attempt(() => process.ioctl(fd, request, pointer));
    if (typeof argument !== 'object' || argument === null || !('size' in argument)) continue;
    const size = Number(argument.size);
    const page = process.memory.mmap(PAGE);
    for (const given of [0, 4, 8, size - 1, size, size + 1, 4096, 2 ** 32 - 1]) {
      for (const fill of [0, 1, 0xff]) {
        const bytes = new Uint8Array(size).fill(fill);
        new DataView(bytes.buffer).setUint32(0, given, true);
        // At the end of the page: what follows cannot be read.
        const at = page + PAGE - BigInt(size);
        process.memory.write(at, bytes);
        attempt(() => process.ioctl(fd, request, at));
        process.memory.read(at, bytes);
      }
    }
    process.memory.munmap(page, PAGE);
  }
  for (const request of [0x3b00, 0x3bff, 0xc0043b90, 0xae99]) attempt(() => process.ioctl(fd, request));
}

export const SCENARIOS: Readonly<Record<string, (stage: Stage) => void>> = {
  'the boundary of /dev/ioasid: sizes, flags, reserved fields, pointers': (stage) => {
    const it = started(stage);
    boundary(it.process, it.fd, IOASID_IOCTLS);
  },

  'the boundary of a device file': (stage) => {
    const it = started(stage);
    const { RESET: _, ...table } = VFIO_DEVICE_IOCTLS;
    boundary(it.process, it.bind('vfio1').fd, table);
  },

  'MAP_DMA and UNMAP_DMA: alignment, wrap, overlap, permission, memory': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const ioasid = it.alloc();
    const memory = process.memory.mmap(4n * PAGE);
    const fixed = process.memory.mmap(PAGE, { writable: false });
    const map = (flags: number, vaddr: bigint, iova: bigint, size: bigint) =>
      attempt(() => process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid, flags, vaddr, iova, size }));
    const unmap = (iova: bigint, size: bigint, flags = 0) =>
      attempt(() => process.call(fd, IOASID_IOCTLS.UNMAP_DMA, { ioasid, flags, iova, size }));
    map(3, memory, IOVA, PAGE);
    const device = it.bind('vfio1');
    it.attach(device, ioasid);
    map(3, memory, IOVA, 4n * PAGE);
    map(3, memory, IOVA + 3n * PAGE, PAGE);
    map(3, memory, IOVA + 4n * PAGE + 1n, PAGE);
    map(3, memory + 1n, IOVA + 4n * PAGE, PAGE);
    map(3, memory, IOVA + 4n * PAGE, 100n);
    map(3, memory, IOVA + 4n * PAGE, 0n);
    map(0, memory, IOVA + 4n * PAGE, PAGE);
    map(4, memory, IOVA + 4n * PAGE, PAGE);
    map(2, fixed, IOVA + 4n * PAGE, PAGE);
    map(1, fixed, IOVA + 4n * PAGE, PAGE);
    map(3, 0n, IOVA + 8n * PAGE, PAGE);
    map(3, memory, (1n << 64n) - PAGE, PAGE);
    map(3, (1n << 64n) - PAGE, IOVA + 8n * PAGE, PAGE);
    map(3, memory, 0xfee0_0000n, PAGE);
    map(3, memory, 1n << 48n, PAGE);
    device.fill(IOVA + 5n, 0x11n);
    device.fill(IOVA + 4n * PAGE, 0x22n);
    device.fill(IOVA + 9n * PAGE, 0x33n);
    process.memory.read(memory, new Uint8Array(16));
    unmap(IOVA, PAGE);
    unmap(IOVA - PAGE, 2n * PAGE);
    unmap(IOVA + 1n, PAGE);
    unmap(IOVA + 40n * PAGE, PAGE);
    unmap(0n, PAGE, 1);
    unmap(IOVA, 4n * PAGE);
    unmap(0n, 0n, 1);
    unmap(0n, 0n, 1);
    device.fill(IOVA, 0x44n);
  },

  'GET_INFO: of a number, a root, a child; ranges that fit or not': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const root = it.alloc();
    const info = (ioasid: number, nr_ranges = 0, ranges = 0n) =>
      attempt(() => process.call(fd, IOASID_IOCTLS.GET_INFO, { ioasid, nr_ranges, ranges }));
    const room = process.memory.mmap(PAGE);
    info(root);
    info(99);
    const device = it.bind('vfio0');
    it.attach(device, root);
    for (const n of [0, 1, 2, 100]) info(root, n, room);
    info(root, 2, 1n);
    process.memory.read(room, new Uint8Array(64));
    const child = it.child(root);
    info(child);
    it.attach(device, child);
    info(child, 100, room);
    for (const cookie of [0n, 1n]) attempt(() => process.call(fd, IOASID_IOCTLS.DEVICE_GET_INFO, { cookie }));
    for (let n = 0; n < 20; n++) attempt(() => process.ioctl(fd, IOASID_IOCTLS.CHECK_EXTENSION.request, n));
  },

  'groups: partly attached, unplugged and plugged under their user': (stage) => {
    const it = started(stage);
    const one = it.bind('vfio3');
    const ioasid = it.alloc();
    attempt(() => it.attach(one, ioasid));
    attempt(() => it.map(ioasid, IOVA));
    one.fill(IOVA, 1n);
    const two = it.bind('vfio4');
    const other = it.alloc();
    attempt(() => it.attach(two, other));
    attempt(() => it.attach(two, ioasid));
    const memory = it.map(ioasid, IOVA);
    two.fill(IOVA, 2n);
    it.peek(memory);
    attempt(() => it.detach(one, ioasid));
    two.fill(IOVA, 3n);
    stage.unplug('vfio3');
    two.fill(IOVA, 4n);
    it.peek(memory);
    attempt(() => one.fill(IOVA, 5n));
    stage.plug('vfio3');
    two.fill(IOVA, 6n);
    attempt(() => it.process.call(it.fd, IOASID_IOCTLS.GET_INFO, { ioasid }));
  },

  'PASIDs: attach, DMA, detach in every order': (stage) => {
    const it = started(stage);
    const device = it.bind('vfio1');
    const plain = it.bind('vfio2');
    const [base, first, second] = [it.alloc(), it.alloc(), it.alloc()];
    attempt(() => it.attach(device, first, 5));
    attempt(() => it.attach(plain, first, 5));
    it.attach(device, base);
    it.attach(device, first, 5);
    attempt(() => it.attach(device, second, 5));
    attempt(() => it.attach(device, first, 1 << 20));
    it.attach(device, second, 6);
    const memory = [it.map(base, IOVA), it.map(first, IOVA), it.map(second, IOVA)];
    for (const [i, pasid] of [undefined, 5, 6, 7].entries()) device.fill(IOVA, BigInt(i + 1), pasid);
    for (const page of memory) it.peek(page);
    attempt(() => it.detach(device, base));
    it.detach(device, first, 5);
    device.fill(IOVA, 9n, 5);
    attempt(() => it.detach(device, first, 5));
    it.detach(device, second, 6);
    it.detach(device, base);
  },

  'page requests: read, answered, refused, and lost with their attachment': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const device = it.bind('vfio1');
    const ioasid = it.alloc();
    it.attach(device, ioasid);
    // O_NONBLOCK: a simulated process cannot wait.
    const faults = process.call(fd, IOASID_IOCTLS.FAULT_FD, { ioasid, flags: 0o4000 }).result;
    const buffer = process.memory.mmap(PAGE);
    attempt(() => process.read(faults, buffer, 4096));
    process.readable(faults);
    for (const code of [0, 1, 2]) {
      device.fill(IOVA + BigInt(code) * PAGE, 7n);
      process.readable(faults);
      attempt(() => process.read(faults, buffer, 4));
      process.read(faults, buffer, 4096);
      process.memory.read(buffer, new Uint8Array(48));
      if (code === 0) it.map(ioasid, IOVA);
      const response = { ioasid, grpid: code + 1, cookie: 1n, code };
      attempt(() => process.call(fd, IOASID_IOCTLS.PAGE_RESPONSE, { ...response, cookie: 2n }));
      attempt(() => process.call(fd, IOASID_IOCTLS.PAGE_RESPONSE, { ...response, code: 3 }));
      attempt(() => process.call(fd, IOASID_IOCTLS.PAGE_RESPONSE, response));
      device.read(constants.DMAE.IOASID_DMAE_REG_STATUS);
      device.read(constants.DMAE.IOASID_DMAE_REG_RESULT);
      device.reset();
    }
    device.fill(IOVA + 9n * PAGE, 7n);
    process.close(faults);
    device.read(constants.DMAE.IOASID_DMAE_REG_STATUS);
  },

  'dirty tracking: started, read, cleared or not, stopped': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const device = it.bind('vfio1');
    const ioasid = it.alloc();
    it.attach(device, ioasid);
    it.map(ioasid, IOVA, 64n * PAGE);
    const data = process.memory.mmap(PAGE);
    const bitmap = (flags: number, page_size = PAGE) => {
      const ask = { ioasid, flags, iova: IOVA, size: 64n * PAGE, page_size, data };
      attempt(() => process.call(fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, ask));
      process.memory.read(data, new Uint8Array(16));
    };
    bitmap(0);
    process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid, flags: 1 });
    device.fill(IOVA + 3n * PAGE - 4n, 1n);
    device.fill(IOVA + 63n * PAGE, 1n);
    bitmap(1);
    bitmap(0, 2n * PAGE);
    bitmap(0, 3n * PAGE);
    bitmap(0);
    bitmap(0);
    attempt(() => process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid, flags: 3 }));
    process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid, flags: 2 });
    bitmap(0);
  },

  'software nesting follows its parent': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const device = it.bind('vfio0');
    const root = it.alloc();
    const child = it.child(root);
    attempt(() => it.attach(device, child));
    it.attach(device, root);
    it.attach(device, child);
    const memory = it.map(root, IOVA, 4n * PAGE);
    const map = (vaddr: bigint, iova: bigint, size: bigint) =>
      attempt(() => process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid: child, flags: 3, vaddr, iova, size }));
    map(IOVA + 2n * PAGE, 0x1000n, PAGE);
    map(IOVA + 3n * PAGE, 0x2000n, 2n * PAGE);
    device.fill(0x1000n, 5n);
    it.peek(memory + 2n * PAGE);
    attempt(() => process.ioctl(fd, IOASID_IOCTLS.FREE.request, root));
    process.call(fd, IOASID_IOCTLS.UNMAP_DMA, { ioasid: root, iova: IOVA, size: 4n * PAGE });
    device.fill(0x1000n, 6n);
    attempt(() => it.detach(device, root));
    it.detach(device, child);
    device.fill(IOVA, 7n);
    process.ioctl(fd, IOASID_IOCTLS.FREE.request, child);
  },

  'a user’s page table: walked, remembered, invalidated, malformed': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const device = it.bind('vfio1');
    const root = it.alloc();
    it.attach(device, root);
    // Four levels in the first four pages, data behind them; the parent maps all one to one.
    const tables = it.map(root, 0n, 16n * PAGE);
    const entry = (page: number, index: number, value: bigint) =>
      process.memory.write(
        tables + BigInt(page) * PAGE + BigInt(index * 8),
        new Uint8Array(new BigUint64Array([value]).buffer),
      );
    for (let level = 0; level < 3; level++) entry(level, 0, BigInt(level + 1) * PAGE + 7n);
    entry(3, 5, 8n * PAGE + 7n);
    entry(3, 6, 9n * PAGE + 5n);
    const child = it.child(root);
    it.attach(device, child);
    const bind = (format: number, addr_width: number, addr = 0n) =>
      attempt(() => process.call(fd, IOASID_IOCTLS.BIND_PGTABLE, { ioasid: child, format, addr, addr_width }));
    bind(7, 48);
    bind(0, 47);
    bind(0, 48, 1n);
    bind(0, 48);
    bind(0, 48);
    const look = () => {
      for (const page of [5n, 6n, 7n, 1n << 40n]) device.fill(page * PAGE, page);
      process.memory.read(tables + 3n * PAGE + 40n, new Uint8Array(24));
      it.peek(tables + 8n * PAGE);
      it.peek(tables + 10n * PAGE);
    };
    look();
    entry(3, 5, 10n * PAGE + 7n);
    look();
    for (const [granularity, iova, size] of [
      [2, 0n, 0n],
      [1, 6n * PAGE, PAGE],
      [1, 5n * PAGE, PAGE],
      [0, 0n, 0n],
    ] as const) {
      attempt(() => process.call(fd, IOASID_IOCTLS.INVALIDATE_CACHE, { ioasid: child, granularity, iova, size }));
      look();
    }
    // A reserved bit of a large leaf.
    entry(2, 0, (1n << 13n) + 0x87n);
    process.call(fd, IOASID_IOCTLS.INVALIDATE_CACHE, { ioasid: child });
    look();
    attempt(() =>
      process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid: child, flags: 3, vaddr: 0n, iova: 0n, size: PAGE }),
    );
    attempt(() => process.ioctl(fd, IOASID_IOCTLS.UNBIND_PGTABLE.request, child));
    look();
  },

  'one open file, several processes: dup, fork, hand-over, ends': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const device = it.bind('vfio1');
    const ioasid = it.alloc();
    it.attach(device, ioasid);
    const copy = process.dup(fd);
    process.close(fd);
    attempt(() => process.ioctl(fd, IOASID_IOCTLS.ALLOC.request));
    attempt(() => process.ioctl(copy, IOASID_IOCTLS.ALLOC.request));
    const child = process.fork();
    const memory = child.memory.mmap(PAGE);
    const map = { ioasid, flags: 3, vaddr: memory, iova: IOVA, size: PAGE };
    child.call(copy, IOASID_IOCTLS.MAP_DMA, map);
    device.fill(IOVA, 0x55n);
    child.memory.read(memory, new Uint8Array(8));
    process.memory.read(memory, new Uint8Array(8));
    const stranger = stage.spawn();
    const received = process.send(copy, stranger);
    attempt(() => stranger.ioctl(received, IOASID_IOCTLS.FREE.request, 2));
    child.exit();
    device.fill(IOVA, 0x66n);
    process.exit();
    attempt(() => stranger.call(received, IOASID_IOCTLS.GET_INFO, { ioasid }));
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

  '/dev/iommu: objects, areas, copies, ranges': (stage) => {
    const process = stage.spawn();
    const fd = process.open('/dev/iommu');
    boundary(process, fd, IOMMUFD_IOCTLS);
    const { out_ioas_id: ioas_id } = process.call(fd, IOMMUFD_IOCTLS.IOAS_ALLOC);
    const { out_ioas_id: other } = process.call(fd, IOMMUFD_IOCTLS.IOAS_ALLOC);
    const user_va = process.memory.mmap(16n * PAGE);
    const map = (iova: bigint, length: bigint, flags = 7) =>
      attempt(() => process.call(fd, IOMMUFD_IOCTLS.IOAS_MAP, { ioas_id, flags, user_va, iova, length }));
    map(IOVA, 4n * PAGE);
    map(IOVA + 2n * PAGE, PAGE);
    map(0n, 3n * PAGE, 6);
    map(IOVA + 1n, 1n);
    map(IOVA + 4n * PAGE + 1n, 100n);
    map(0n, 0n);
    const copy = (src_iova: bigint, length: bigint) =>
      attempt(() =>
        process.call(fd, IOMMUFD_IOCTLS.IOAS_COPY, {
          ...{ flags: 7, dst_ioas_id: other, src_ioas_id: ioas_id, length, dst_iova: src_iova, src_iova },
        }),
      );
    copy(IOVA, PAGE);
    copy(IOVA + PAGE, 8n * PAGE);
    const room = process.memory.mmap(PAGE);
    for (const num_iovas of [0, 1, 8])
      attempt(() => process.call(fd, IOMMUFD_IOCTLS.IOAS_IOVA_RANGES, { ioas_id, num_iovas, allowed_iovas: room }));
    process.memory.read(room, new Uint8Array(32));
    const unmap = (iova: bigint, length: bigint) =>
      attempt(() => process.call(fd, IOMMUFD_IOCTLS.IOAS_UNMAP, { ioas_id, iova, length }));
    unmap(IOVA, PAGE);
    unmap(IOVA, 4n * PAGE);
    unmap(0n, (1n << 64n) - 1n);
    for (const id of [ioas_id, other, other, 99]) attempt(() => process.call(fd, IOMMUFD_IOCTLS.DESTROY, { id }));
  },

  '/dev/iommu: devices, tables, DMA': (stage) => {
    const it = started(stage);
    const { process } = it;
    const iommufd = process.open('/dev/iommu');
    const { out_ioas_id: ioas_id } = process.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC);
    const device = process.open('/dev/vfio/devices/vfio1');
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: ioas_id }));
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd: it.fd }));
    const { out_devid: dev_id } = process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd });
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd }));
    attempt(() => process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: 77 }));
    process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: ioas_id });
    const user_va = process.memory.mmap(PAGE);
    const map = { ioas_id, flags: 7, user_va, iova: IOVA, length: PAGE };
    process.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, map);
    const command = process.memory.mmap(PAGE);
    process.memory.write(command, new Uint8Array([6, 0]));
    const engine = it.engine(device);
    engine.fill(IOVA, 1n);
    process.pwrite(device, command, 2, (7n << 40n) + 4n);
    engine.fill(IOVA, 0x77n);
    it.peek(user_va);
    attempt(() => process.call(iommufd, IOMMUFD_IOCTLS.DESTROY, { id: ioas_id }));
    for (const flags of [0, 1, 2, 3, 8, 0x80])
      attempt(() => process.call(iommufd, IOMMUFD_IOCTLS.HWPT_ALLOC, { flags, dev_id, pt_id: ioas_id }));
    attempt(() => process.call(iommufd, IOMMUFD_IOCTLS.GET_HW_INFO, { dev_id }));
    process.call(device, VFIO_IOMMUFD_IOCTLS.DETACH);
    engine.fill(IOVA, 2n);
    process.close(iommufd);
    engine.fill(IOVA, 2n);
    process.close(device);
  },

  'a container: groups, type1, its devices': (stage) => {
    const it = started(stage);
    const { process } = it;
    const pointer = process.memory.mmap(PAGE);
    const [container, group] = [process.open('/dev/vfio/vfio'), process.open('/dev/vfio/2')];
    attempt(() => process.open('/dev/vfio/2'));
    for (let n = 0; n < 12; n++)
      attempt(() => process.ioctl(container, VFIO_CONTAINER_IOCTLS.CHECK_EXTENSION.request, n));
    const join = (fd: number) => {
      process.memory.write(pointer, new Uint8Array(new Int32Array([fd]).buffer));
      attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.SET_CONTAINER.request, pointer));
    };
    attempt(() => process.ioctl(container, VFIO_CONTAINER_IOCTLS.SET_IOMMU.request, 3));
    join(it.fd);
    join(container);
    join(container);
    for (const type of [9, 3, 1])
      attempt(() => process.ioctl(container, VFIO_CONTAINER_IOCTLS.SET_IOMMU.request, type));
    process.memory.write(pointer, Buffer.from('0000:09:00.0\0'));
    attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.GET_DEVICE_FD.request, pointer));
    process.memory.write(pointer, Buffer.from('0000:01:00.0\0'));
    const device = process.ioctl(group, VFIO_GROUP_IOCTLS.GET_DEVICE_FD.request, pointer);
    const vaddr = process.memory.mmap(4n * PAGE);
    const map = (iova: bigint, size: bigint, flags = 3) =>
      attempt(() => process.call(container, VFIO_CONTAINER_IOCTLS.IOMMU_MAP_DMA, { flags, vaddr, iova, size }));
    map(IOVA, 4n * PAGE);
    map(IOVA, PAGE);
    map(IOVA + 8n * PAGE, PAGE, 4);
    map(IOVA + 8n * PAGE, 1n);
    process.memory.write(pointer, new Uint8Array([6, 0]));
    process.pwrite(device, pointer, 2, (7n << 40n) + 4n);
    it.engine(device).fill(IOVA, 0x99n);
    it.peek(vaddr);
    for (const [iova, size] of [
      [IOVA, PAGE],
      [IOVA, 4n * PAGE],
      [IOVA, 4n * PAGE],
    ] as const)
      attempt(() => process.call(container, VFIO_CONTAINER_IOCTLS.IOMMU_UNMAP_DMA, { iova, size }));
    attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.UNSET_CONTAINER.request));
    process.close(device);
    attempt(() => process.ioctl(group, VFIO_GROUP_IOCTLS.UNSET_CONTAINER.request));
  },

  'anything: six hundred calls drawn at random': (stage) => {
    const it = started(stage);
    const { process, fd } = it;
    const draw = random(20211013);
    const names = ['vfio0', 'vfio1', 'vfio2', 'vfio3', 'vfio4', 'vfio5'];
    const engines = names.map((name) => it.bind(name));
    const memory = process.memory.mmap(16n * PAGE);
    const events = process.ioctl(fd, IOASID_IOCTLS.EVENT_FD.request, 0o4000);
    const buffer = process.memory.mmap(PAGE);
    const any = () => engines[draw(engines.length)] ?? it.engine(-1);
    const id = () => draw(6);
    const address = () => IOVA + BigInt(draw(8)) * PAGE;
    const size = () => BigInt(1 + draw(3)) * PAGE;
    const calls: readonly (() => unknown)[] = [
      () => it.alloc(draw(3)),
      () => it.child(id()),
      () => process.ioctl(fd, IOASID_IOCTLS.FREE.request, id()),
      () => it.attach(any(), id()),
      () => it.attach(any(), id(), draw(3)),
      () => it.detach(any(), id()),
      () => it.detach(any(), id(), draw(3)),
      () => {
        const vaddr = draw(2) ? memory + BigInt(draw(12)) * PAGE : address();
        process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid: id(), flags: draw(4), vaddr, iova: address(), size: size() });
      },
      () => process.call(fd, IOASID_IOCTLS.UNMAP_DMA, { ioasid: id(), iova: address(), size: size() }),
      () => any().fill(address() + BigInt(draw(4096)), BigInt(draw(255)), draw(2) ? undefined : draw(3), draw(2) === 1),
      () => any().fill(address(), BigInt(draw(255))),
      () => process.call(fd, IOASID_IOCTLS.GET_INFO, { ioasid: id() }),
      () => process.call(fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid: id(), flags: 1 + draw(2) }),
      () => process.ioctl(fd, IOASID_IOCTLS.EXECUTE_WBINVD.request),
      () => process.read(events, buffer, 4096),
      () => process.memory.read(buffer, new Uint8Array(24)),
      () => process.memory.read(memory + BigInt(draw(16)) * PAGE, new Uint8Array(16)),
      () => process.ioctl(any().fd, VFIO_IOCTLS.DEVICE_RESET.request),
    ];
    for (let i = 0; i < 600; i++) attempt(() => calls[draw(calls.length)]?.());
  },
};
