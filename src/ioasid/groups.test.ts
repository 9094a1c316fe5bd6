import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { user } from '../../test/simulated.js';
import { constants, ioctls } from '../index.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;
/** RESULT of the DMA engine (section 6). */
const NOT_MAPPED = 1;
const BLOCKED = 3;

describe('section 3.3, groups that change', () => {
  test('unplugging a mate that was never bound makes the group whole: its DMA runs, its IOASID answers', () => {
    const it = user();
    const one = it.bind('vfio3');
    const ioasid = it.alloc();
    it.attach(one, ioasid);
    expect(refused(() => it.map(ioasid, 0x10000n))).toBe('EBUSY');
    expect(one.fill(0x10000n, 1n)).toBe(BLOCKED);
    it.machine.unplug('vfio4');
    const memory = it.map(ioasid, 0x10000n);
    expect(one.fill(0x10000n, 7n)).toBe(0);
    expect(it.peek(memory)).toBe(7n);
  });

  test('plugging into a whole group leaves it partly attached: its DMA stops, its IOASID answers EBUSY', () => {
    const it = user();
    it.machine.unplug('vfio4');
    const one = it.bind('vfio3');
    const ioasid = it.alloc();
    it.attach(one, ioasid);
    it.map(ioasid, 0x10000n);
    expect(one.fill(0x10000n, 1n)).toBe(0);
    it.machine.plug('vfio4');
    expect(one.fill(0x10000n, 2n)).toBe(BLOCKED);
    expect(refused(() => it.map(ioasid, 0x20000n))).toBe('EBUSY');
    const two = it.bind('vfio4');
    it.attach(two, ioasid);
    expect([one.fill(0x10000n, 3n), two.fill(0x10000n, 4n)]).toEqual([0, 0]);
  });

  test('a device that is plugged in again has no route left of its last binding', () => {
    const it = user();
    const one = it.bind('vfio1');
    const ioasid = it.alloc();
    it.attach(one, ioasid);
    it.map(ioasid, 0x10000n);
    it.machine.unplug('vfio1');
    expect(refused(() => one.fill(0x10000n, 1n))).toBe('ENODEV');
    it.machine.plug('vfio1');
    expect(it.bind('vfio1').fill(0x10000n, 1n)).toBe(BLOCKED);
  });
});

describe('section 2.3, page requests of what is detached', () => {
  const waiting = (pasid: number | undefined) => {
    const it = user();
    const device = it.bind('vfio1');
    const [ioasid, other] = [it.alloc(), it.alloc()];
    it.attach(device, ioasid);
    it.attach(device, other, 5);
    for (const space of [ioasid, other]) it.process.call(it.fd, IOASID_IOCTLS.FAULT_FD, { ioasid: space });
    expect(device.fill(0x10000n, 1n, pasid)).toBe(-1);
    return { it, device, ioasid, other };
  };
  const idle = (device: ReturnType<typeof waiting>['device']): boolean =>
    (device.read(constants.DMAE.IOASID_DMAE_REG_STATUS) & 1n) === 0n;

  test('DETACH of a PASID aborts the page request that came by it', () => {
    const { it, device, other } = waiting(5);
    it.detach(device, other, 5);
    expect(idle(device)).toBe(true);
    expect(Number(device.read(constants.DMAE.IOASID_DMAE_REG_RESULT))).toBe(4);
  });

  test('DETACH of a PASID leaves alone what was asked for without it', () => {
    const { it, device, other } = waiting(undefined);
    it.detach(device, other, 5);
    expect(idle(device)).toBe(false);
  });

  test('a device that is reset waits no more, and a late answer goes nowhere', () => {
    const { it, device, ioasid } = waiting(undefined);
    device.reset();
    expect(idle(device)).toBe(true);
    it.process.call(it.fd, IOASID_IOCTLS.PAGE_RESPONSE, { ioasid, grpid: 1, cookie: 1n });
    expect(idle(device)).toBe(true);
    expect(device.read(constants.DMAE.IOASID_DMAE_REG_RESULT)).toBe(0n);
  });

  test('an abort concerns one device, whatever cookie another has', () => {
    const it = user();
    const [one, two] = ['vfio5', 'vfio6'].map((name) => {
      const fd = it.process.open(`/dev/vfio/devices/${name}`);
      it.process.call(fd, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: it.fd, cookie: 9n });
      return fd;
    }) as [number, number];
    const ioasid = it.alloc();
    for (const fd of [one, two]) it.process.call(fd, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
    it.process.call(it.fd, IOASID_IOCTLS.FAULT_FD, { ioasid });
    const engines = [it.engine(one), it.engine(two)] as const;
    expect(engines.map((each) => each.fill(0x10000n, 1n))).toEqual([-1, -1]);
    it.process.call(one, VFIO_IOCTLS.DETACH_IOASID, { ioasid });
    expect(engines.map(idle)).toEqual([true, false]);
  });
});

describe('section 2.2, what user tables make us hold', () => {
  test('2000 DMAs with PASIDs that the table does not have keep nothing', () => {
    const it = user();
    const device = it.bind('vfio1');
    const root = it.alloc();
    it.attach(device, root);
    it.map(root, 0n, 0x10000n);
    const child = it.child(root);
    it.attach(device, child);
    it.process.call(it.fd, IOASID_IOCTLS.BIND_PASID_TABLE, { ioasid: child, addr: 0n, pasid_bits: 20 });
    const before = process.memoryUsage().arrayBuffers;
    for (let pasid = 1; pasid <= 2000; pasid++) expect(device.fill(0x1000n, 1n, pasid)).toBe(NOT_MAPPED);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 << 20);
  });
});
