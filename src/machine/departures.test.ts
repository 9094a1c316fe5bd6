import { describe, expect, test } from 'vitest';
import { Errno } from '../abi/errno.js';
import { bootMachine } from '../boot.js';
import type { PciDriver } from '../pci/bus/driver.js';
import type { DeviceUser } from '../vfio/binding.js';

const ADDRESS = '0000:06:00.0';

/** A machine, and a user that has vfio8 open and lets it go when it is told to. */
function inUse() {
  const booted = bootMachine();
  const { bus, sysfs } = booted.slots;
  const device = booted.device('vfio8');
  const user: DeviceUser = { binding: { owner: {}, busMaster: false, release: () => {} } };
  device.open(user, false);
  const vfio = bus.driver('vfio-pci') as PciDriver;
  const code = (act: () => void): string => {
    try {
      act();
      return 'ok';
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      return error.code;
    }
  };
  const write = (path: string, text: string): string => {
    const inode = booted.kernel.fs.find(path).inode;
    if (inode.type !== 'attribute' || !('store' in inode.content)) throw new Error(`${path} takes nothing`);
    const { content } = inode;
    return code(() => content.store?.(text));
  };
  return { booted, bus, sysfs, device, vfio, code, write, slot: bus.at(ADDRESS), close: () => device.close(user) };
}

describe('a function whose driver lets it go, while somebody has it open', () => {
  test('keeps its driver until the last close, and nothing can be done with it meanwhile', () => {
    const { booted, bus, vfio, code, slot, close, device } = inUse();
    expect(code(() => bus.unbind(vfio, ADDRESS))).toBe('EBUSY');
    expect(slot.driver).toBe(vfio);
    slot.driverOverride = 'vfio-pci';
    expect(code(() => bus.bind(vfio, ADDRESS))).toBe('EBUSY');
    expect(code(() => bus.probe(ADDRESS))).toBe('ok');
    expect(() => booted.plug('vfio8')).toThrow('still held');
    expect(code(() => device.open({ binding: undefined }, false))).toBe('ENODEV');
    close();
    expect(slot.driver).toBeUndefined();
    expect(code(() => bus.bind(vfio, ADDRESS))).toBe('ok');
    expect(booted.device('vfio8')).not.toBe(device);
  });

  test('is removed after that, also if it was to be unbound only at first', () => {
    const { bus, vfio, code, write, close } = inUse();
    expect(code(() => bus.unbind(vfio, ADDRESS))).toBe('EBUSY');
    expect(write(`/sys/bus/pci/devices/${ADDRESS}/remove`, '1')).toBe('EBUSY');
    expect(write('/sys/bus/pci/rescan', '1')).toBe('ok');
    expect(bus.slots.some(({ address }) => address === ADDRESS)).toBe(true);
    close();
    expect(bus.slots.some(({ address }) => address === ADDRESS)).toBe(false);
    expect(write('/sys/bus/pci/rescan', '1')).toBe('ok');
    // By its ids.
    expect(bus.at(ADDRESS).driver?.name).toBe('ioatdma');
  });
});

test('a function that was taken out under its user’s hands comes back by a rescan once that user has closed it', () => {
  const { booted, bus, write, close } = inUse();
  booted.unplug('vfio8');
  expect(write('/sys/bus/pci/rescan', '1')).toBe('ok');
  expect(bus.slots.some(({ address }) => address === ADDRESS)).toBe(false);
  close();
  expect(write('/sys/bus/pci/rescan', '1')).toBe('ok');
  expect(bus.at(ADDRESS).requester.group.members.size).toBe(1);
});
