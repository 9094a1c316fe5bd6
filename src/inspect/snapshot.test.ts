import { expect, test } from 'vitest';
import { ALLOC } from '../abi/ioasid/constants.js';
import { IOASID_IOCTLS, VFIO_IOASID_IOCTLS as VFIO_IOCTLS } from '../abi/ioasid/ioctls.js';
import { bootMachine } from '../boot.js';
import { reach } from './hands.js';
import { snapshotOf } from './snapshot.js';
import { spaceWindow } from './space-window.js';

test('every link of a snapshot leads to an object of it, and hands change what it shows', () => {
  const machine = bootMachine();
  const process = machine.spawn();
  const file = process.open('/dev/ioasid');
  const device = process.open('/dev/vfio/devices/vfio0');
  process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: file, cookie: 1n });
  const { result: ioasid } = process.call(file, IOASID_IOCTLS.ALLOC, { flags: ALLOC.IOASID_ALLOC_NO_ENFORCE_SNOOP });
  process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
  const vaddr = process.memory.mmap(8192);
  process.call(file, IOASID_IOCTLS.MAP_DMA, { ioasid, flags: 3, vaddr, iova: 0x10000n, size: 8192n });
  const find = (kind: string) => snapshotOf(machine).objects.find((object) => object.kind === kind);
  const { objects } = snapshotOf(machine);
  const ids = new Set(objects.map(({ id }) => id));
  for (const { links } of objects) for (const { to } of links) expect(ids).toContain(to);
  expect(ids.size).toBe(objects.length);
  expect(find('file')?.facts).toMatchObject({ mayFlush: true });
  const window = spaceWindow(machine, {
    space: find('ioasid')?.id ?? '',
    first: '0x0',
    last: '0xffffffff',
    columns: 10,
  });
  expect(window).toMatchObject({ mappings: 1, runs: [{ first: '0x10000', last: '0x11fff', access: 'rw' }] });
  expect(() => spaceWindow(machine, { space: 'none', first: '0x0', last: '0xfff', columns: 1 })).toThrow(
    /no address space/,
  );

  reach(machine, { command: 'unplug', name: 'vfio0' });
  expect(find('file')?.facts).toMatchObject({ mayFlush: false });
  expect(() => reach(machine, { command: 'interrupt', name: 'vfio0', vector: 0 })).toThrow(/vfio0/);
  expect(() => reach(machine, { command: 'interrupt', name: 'vfio1', vector: 99 })).toThrow(/vectors/);
  expect(() => reach(machine, { command: 'fault', name: 'vfio1', iova: '-1' })).toThrow(/no address/);
  const notes: string[] = [];
  machine.kernel.watch({ noted: (subject, text) => notes.push(`${subject} ${text}`) });
  reach(machine, { command: 'fault', name: 'vfio1', iova: '0x5000' });
  expect(notes).toEqual(['vfio1 read 0x5000 by hand: blocked']);
  reach(machine, { command: 'authority', name: 'one-time' });
  expect(snapshotOf(machine).facts.authority).toBe('one-time');
});
