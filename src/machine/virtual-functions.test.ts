import { describe, expect, test } from 'vitest';
import { Errno } from '../abi/errno.js';
import { O } from '../abi/fcntl.js';
import { bootMachine } from '../boot.js';
import { ROOT } from '../kernel/fs/permission.js';
import type { DeviceUser } from '../vfio/binding.js';

const PF = '0000:05:00.0';
const D = `/sys/bus/pci/devices/${PF}`;

function machine() {
  const booted = bootMachine();
  const { kernel } = booted;
  const process = booted.spawn();
  const write = (path: string, text: string): string => {
    const file = kernel.open(path, O.WRONLY, ROOT);
    try {
      file.write(process, new TextEncoder().encode(text));
      return 'ok';
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      return error.code;
    } finally {
      file.put();
    }
  };
  const addresses = (): string[] => booted.slots.bus.slots.map(({ address }) => address);
  return { booted, write, addresses };
}

describe('a physical function that is taken out under its users’ hands', () => {
  test('takes its virtual functions along, bound to a driver or not', () => {
    const { booted, write, addresses } = machine();
    const before = addresses();
    expect(write(`${D}/sriov_numvfs`, '3')).toBe('ok');
    expect(addresses().length).toBe(before.length + 3);
    expect(write('/sys/bus/pci/drivers/vfio-pci/unbind', '0000:05:00.2')).toBe('ok');
    booted.unplug('vfio7');
    expect(addresses()).toEqual(before.filter((address) => address !== PF));
    expect(booted.list().map(({ name }) => name)).not.toContain('vfio11');
    booted.plug('vfio7');
    expect(addresses()).toEqual(before);
    expect(write(`${D}/sriov_numvfs`, '2')).toBe('ok');
    expect(addresses().length).toBe(before.length + 2);
    expect(write(`${D}/sriov_numvfs`, '0')).toBe('ok');
    expect(addresses()).toEqual(before);
  });

  test('has no virtual functions again before the users of those it had have closed them', () => {
    const { booted, write, addresses } = machine();
    const before = addresses();
    expect(write(`${D}/sriov_numvfs`, '1')).toBe('ok');
    const device = booted.device('vfio11');
    const user: DeviceUser = { binding: { owner: {}, busMaster: false, release: () => {} } };
    device.open(user, false);
    booted.unplug('vfio7');
    booted.plug('vfio7');
    expect(write(`${D}/sriov_numvfs`, '1')).toBe('EBUSY');
    expect(addresses()).toEqual(before);
    device.close(user);
    expect(write(`${D}/sriov_numvfs`, '1')).toBe('ok');
    expect(addresses().length).toBe(before.length + 1);
  });
});
