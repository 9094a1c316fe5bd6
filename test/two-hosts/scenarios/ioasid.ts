/** /dev/ioasid: calls, groups, PASIDs, faults, dirty tracking, nesting, and processes. */
import { constants, ioctls } from '../../../src/index.js';
import { attempt, boundary, IOVA, PAGE, type Scenarios, started } from './common.js';

const { IOASID_IOCTLS } = ioctls;

export const IOASID: Scenarios = {
  'the boundary of /dev/ioasid: sizes, flags, reserved fields, pointers': (stage) => {
    const it = started(stage);
    boundary(it.process, it.fd, IOASID_IOCTLS);
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
};
