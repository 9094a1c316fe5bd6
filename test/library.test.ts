/** The library face: the pure folders in a browser bundle, and what only a machine file can set up. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { describe, expect, test } from 'vitest';
import {
  bootMachine,
  constants,
  DEFAULT_MACHINE,
  type Errno,
  ioctls,
  linuxConstants,
  machineState,
  parseMachine,
} from '../src/index.js';
import { compile, exec, root, workDirectory } from './run.js';

const { IOASID_IOCTLS, VFIO_IOCTLS } = ioctls;

test('bundles for the browser without a Node built-in, and runs', { timeout: 60_000 }, async () => {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    root,
    build: {
      write: false,
      target: 'es2022',
      minify: false,
      lib: { entry: join(root, 'dist/index.js'), formats: ['es'] },
    },
  });
  const [bundle] = Array.isArray(result) ? result : [result];
  const code =
    bundle && 'output' in bundle ? bundle.output.map((file) => ('code' in file ? file.code : '')).join('') : '';
  expect(code.length).toBeGreaterThan(50_000);
  expect(code).not.toMatch(/from ?["']node:|require\(["']|__vite-browser-external/);
  const file = join(workDirectory, 'bundle.mjs');
  writeFileSync(file, code);
  const bundled: { bootMachine: typeof bootMachine } = await import(file);
  expect(bundled.bootMachine().spawn().open('/dev/ioasid')).toBe(3);
});

const refused = (act: () => unknown): string => {
  try {
    act();
    return 'ok';
  } catch (error) {
    return (error as Errno).code;
  }
};

describe('section 3.1, groups', () => {
  test('a group with a device of a host driver cannot be assigned: EPERM', () => {
    const text = DEFAULT_MACHINE.replace('vfio4: { function', 'nic: { host-driver: e1000e, function');
    const process = bootMachine({ machine: parseMachine(text, 'test') }).spawn();
    const fd = process.open('/dev/ioasid');
    const device = process.open('/dev/vfio/devices/vfio3');
    expect(refused(() => process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd }))).toBe('EPERM');
    expect(refused(() => process.open('/dev/vfio/devices/nic'))).toBe('ENOENT');
  });
});

describe('section 2.1, accounting', () => {
  test('exec and exit give the pages back, and nothing is reached through the old memory', () => {
    const machine = bootMachine();
    const process = machine.spawn({ memlock: 8192n });
    const fd = process.open('/dev/ioasid');
    const device = process.open('/dev/vfio/devices/vfio2');
    process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd, cookie: 1n });
    const ioasid = process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
    process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
    const map = (iova: bigint) =>
      process.call(fd, IOASID_IOCTLS.MAP_DMA, {
        ioasid,
        flags: 3,
        vaddr: process.memory.mmap(8192),
        iova,
        size: 8192n,
      });
    map(0n);
    expect(refused(() => map(0x10000n))).toBe('ENOMEM');
    process.exec();
    expect(process.mm.lockedPages).toBe(0);
    map(0x10000n);
    expect(machineState(machine).contexts[0]?.ioasids[0]?.mappings).toBe(2);
  });
});

describe('section 3.4, PASIDs on the wire', () => {
  test('the physical number is in no answer, no trace and no state', () => {
    const machine = bootMachine();
    const seen: string[] = [];
    const text = (value: unknown): string =>
      JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? `0x${v.toString(16)}` : v));
    machine.kernel.watch({ called: (record) => seen.push(text({ ...record, error: record.error?.message })) });
    const process = machine.spawn();
    const fd = process.open('/dev/ioasid');
    const device = process.open('/dev/vfio/devices/vfio5');
    process.call(device, VFIO_IOCTLS.BIND_IOASID_FD, { ioasid_fd: fd, cookie: 1n });
    const ioasid = process.ioctl(fd, IOASID_IOCTLS.ALLOC.request);
    process.call(device, VFIO_IOCTLS.ATTACH_IOASID, { ioasid });
    process.call(device, VFIO_IOCTLS.ATTACH_IOASID, {
      ioasid,
      flags: constants.VFIO.VFIO_ATTACH_IOASID_USER_PASID,
      user_pasid: 5,
    });
    const wire = machine.device('vfio5').requester.wire.get(5);
    expect(wire).toBeGreaterThan(5);
    seen.push(
      text(process.call(fd, IOASID_IOCTLS.GET_INFO, { ioasid })),
      text(process.call(fd, IOASID_IOCTLS.DEVICE_GET_INFO, { cookie: 1n })),
    );
    const faults = process.call(fd, IOASID_IOCTLS.FAULT_FD, { ioasid, flags: linuxConstants.O.NONBLOCK }).result;
    for (const [register, value, size] of [
      [0x0c, 1, 4],
      [0x20, 8, 4],
      [0x24, 2, 4],
      [0x28, 5, 4],
      [0x08, 1, 4],
    ] as const) {
      const word = process.memory.mmap(4096);
      process.memory.write(word, new Uint8Array(new Uint32Array([value, 0]).buffer));
      process.pwrite(device, word, size, BigInt(register));
    }
    const buffer = process.memory.mmap(4096);
    expect(process.read(faults, buffer, 4096)).toBe(48);
    const fault = new Uint32Array(12);
    process.memory.read(buffer, new Uint8Array(fault.buffer));
    expect(fault[3]).toBe(5);
    seen.push(text([...fault]), text(machineState(machine)));
    const all = seen.join('\n');
    expect(all).not.toContain(String(wire));
    expect(all).not.toContain((wire ?? 0).toString(16));
  });
});

describe('section 2.1, accounting under the runner', () => {
  test('another program in the same process starts anew, and DMA does not reach it', () => {
    const { status, stderr } = exec([compile('test/programs/exec-between.c')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
