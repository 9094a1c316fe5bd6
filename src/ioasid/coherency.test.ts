import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { user } from '../../test/simulated.js';
import { bootMachine, constants, ioctls } from '../index.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;
const { IOASID_ALLOC_ACCOUNTING_ROOT } = constants.ALLOC;

describe('section 4 and the cache model, below an accounting root', () => {
  /** vfio0 is behind an IOMMU that cannot enforce snoop. Its IOASID is a child of an identity root without a device. */
  function setup() {
    const it = user(bootMachine({ coherency: 'strict' }));
    const root = it.alloc(IOASID_ALLOC_ACCOUNTING_ROOT);
    const memory = it.process.memory.mmap(4096);
    const map = { ioasid: root, flags: 3, vaddr: memory, iova: memory, size: 4096n };
    const child = it.child(root);
    const device = it.bind('vfio0');
    return { it, root, child, device, memory, map };
  }
  const reach = ({ it, child, memory }: ReturnType<typeof setup>): void => {
    it.process.call(it.fd, IOASID_IOCTLS.MAP_DMA, {
      ioasid: child,
      flags: 3,
      vaddr: memory,
      iova: 0x10000n,
      size: 4096n,
    });
  };

  test('a no-snoop write is seen after EXECUTE_WBINVD, and not before', () => {
    const its = setup();
    const { it, device, child, memory, map } = its;
    it.process.call(it.fd, IOASID_IOCTLS.MAP_DMA, map);
    it.attach(device, child);
    reach(its);
    expect(device.fill(0x10000n, 7n, undefined, true)).toBe(0);
    expect(it.peek(memory)).toBe(0n);
    it.process.ioctl(it.fd, IOASID_IOCTLS.EXECUTE_WBINVD.request);
    expect(it.peek(memory)).toBe(7n);
  });

  test('what is mapped after the device came is followed too', () => {
    const its = setup();
    const { it, device, child, memory, map } = its;
    it.attach(device, child);
    it.process.call(it.fd, IOASID_IOCTLS.MAP_DMA, map);
    reach(its);
    device.fill(0x10000n, 7n, undefined, true);
    expect(it.peek(memory)).toBe(0n);
  });

  test('the memory is let go, and made whole, when the device leaves', () => {
    const its = setup();
    const { it, device, child, memory, map } = its;
    it.process.call(it.fd, IOASID_IOCTLS.MAP_DMA, map);
    it.attach(device, child);
    reach(its);
    device.fill(0x10000n, 7n, undefined, true);
    it.detach(device, child);
    expect(it.peek(memory)).toBe(7n);
  });
});

test('a detach that the policy refuses has changed nothing (reference)', () => {
  const it = user(bootMachine({ authority: 'reference' }));
  const device = it.bind('vfio0');
  const ioasid = it.alloc();
  it.attach(device, ioasid);
  it.map(ioasid, 0x10000n);
  const kvm = it.process.open('/dev/kvm');
  const vm = it.process.ioctl(kvm, ioctls.KVM_IOCTLS.CREATE_VM.request);
  it.process.ioctl(vm, ioctls.KVM_VM_IOCTLS.ENABLE_WBINVD.request, it.fd);
  const before = JSON.stringify(it.process.call(it.fd, IOASID_IOCTLS.GET_INFO, { ioasid }), String);
  expect(refused(() => it.detach(device, ioasid))).toBe('EBUSY');
  expect(JSON.stringify(it.process.call(it.fd, IOASID_IOCTLS.GET_INFO, { ioasid }), String)).toBe(before);
  expect(device.fill(0x10000n, 1n)).toBe(0);
});

describe('events', () => {
  const types = (it: ReturnType<typeof user>, fd: number): number[] => {
    const seen: number[] = [];
    const buffer = it.process.memory.mmap(4096);
    while (it.process.readable(fd)) {
      it.process.read(fd, buffer, 4096);
      const bytes = new Uint8Array(24);
      it.process.memory.read(buffer, bytes);
      seen.push(new DataView(bytes.buffer).getUint32(4, true));
    }
    return seen;
  };
  const { IOASID_EVENT_DEVICE_ATTACHED: ATTACHED, IOASID_EVENT_DEVICE_DETACHED: DETACHED } = constants.EVENT;

  test('the last close of a device tells of each address space that it leaves', () => {
    const it = user();
    const events = it.process.ioctl(it.fd, IOASID_IOCTLS.EVENT_FD.request);
    const device = it.bind('vfio1');
    const [one, two] = [it.alloc(), it.alloc()];
    it.attach(device, one);
    it.attach(device, two, 5);
    it.process.close(device.fd);
    expect(types(it, events).filter((type) => type === ATTACHED || type === DETACHED)).toEqual([
      ATTACHED,
      ATTACHED,
      DETACHED,
      DETACHED,
    ]);
  });
});

describe('limits', () => {
  test('a bitmap of more than 2^28 bytes is EINVAL, as in VFIO', () => {
    const it = user();
    const device = it.bind('vfio1');
    const ioasid = it.alloc();
    it.attach(device, ioasid);
    it.process.call(it.fd, IOASID_IOCTLS.DIRTY_TRACKING, { ioasid, flags: 1 });
    const data = it.process.memory.mmap(4096);
    const ask = { ioasid, iova: 0n, page_size: 4096n, data };
    expect(refused(() => it.process.call(it.fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, { ...ask, size: 1n << 47n }))).toBe(
      'EINVAL',
    );
    expect(refused(() => it.process.call(it.fd, IOASID_IOCTLS.GET_DIRTY_BITMAP, { ...ask, size: 1n << 20n }))).toBe(
      'ok',
    );
  });

  test('nesting deeper than the device of the nearest ancestor supports is EINVAL when the child is made', () => {
    const it = user();
    const device = it.bind('vfio1');
    const root = it.alloc();
    it.attach(device, root);
    const child = it.child(root);
    expect(refused(() => it.child(child))).toBe('EINVAL');
  });

  test('a table format that does not exist is EINVAL, one that the IOMMU lacks EOPNOTSUPP', () => {
    const it = user();
    const device = it.bind('vfio0');
    const root = it.alloc();
    it.attach(device, root);
    const child = it.child(root);
    it.attach(device, child);
    const bind = (format: number) =>
      refused(() => it.process.call(it.fd, IOASID_IOCTLS.BIND_PGTABLE, { ioasid: child, format, addr_width: 48 }));
    expect([bind(7), bind(0)]).toEqual(['EINVAL', 'EOPNOTSUPP']);
  });

  test('a table of more address bits than the unit has is EINVAL', () => {
    const it = user();
    const device = it.bind('vfio1');
    const root = it.alloc();
    it.attach(device, root);
    const child = it.child(root);
    it.attach(device, child);
    const bind = (width: number) =>
      refused(() =>
        it.process.call(it.fd, IOASID_IOCTLS.BIND_PGTABLE, { ioasid: child, format: 0, addr_width: width }),
      );
    expect([bind(64), bind(58), bind(48)]).toEqual(['EINVAL', 'EINVAL', 'ok']);
  });

  test('a context has 65,536 IOASIDs at most: ENOSPC, and one that is freed makes room', () => {
    const it = user();
    for (let i = 0; i < 1 << 16; i++) it.alloc();
    expect(refused(() => it.alloc())).toBe('ENOSPC');
    it.process.ioctl(it.fd, IOASID_IOCTLS.FREE.request, 77n);
    expect(it.alloc()).toBe(77);
  });
});

test('a device file as proof: xen asks whether the device is bound, and closing the kvm-vfio device lets it go', () => {
  const it = user(bootMachine({ authority: 'xen' }));
  const device = it.process.open('/dev/vfio/devices/vfio2');
  const kvm = it.process.open('/dev/kvm');
  const vm = it.process.ioctl(kvm, ioctls.KVM_IOCTLS.CREATE_VM.request);
  const { fd } = it.process.call(vm, ioctls.KVM_VM_IOCTLS.CREATE_DEVICE, { type: 4 });
  const pointer = it.process.memory.mmap(4096);
  it.process.memory.write(pointer, new Uint8Array(new Int32Array([device]).buffer));
  it.process.call(fd, ioctls.KVM_DEVICE_IOCTLS.SET_DEVICE_ATTR, { group: 1, attr: 1n, addr: pointer });
  const emulated = () => {
    const { argument, request } = ioctls.KVM_VM_IOCTLS.GUEST_OP;
    const bytes = new DataView(new ArrayBuffer(argument.size));
    argument.set.argsz(bytes, argument.size);
    it.process.memory.write(pointer, new Uint8Array(bytes.buffer));
    it.process.ioctl(vm, request, pointer);
    const answer = new Uint8Array(argument.size);
    it.process.memory.read(pointer, answer);
    return argument.get.result(new DataView(answer.buffer));
  };
  expect(emulated()).toBe(0);
  it.process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: it.fd, cookie: 1n });
  expect(emulated()).toBe(1);
  it.process.close(fd);
  expect(emulated()).toBe(0);
  expect(refused(() => it.process.call(vm, ioctls.KVM_VM_IOCTLS.CREATE_DEVICE, { type: 4 }))).toBe('ok');
});
