/** What each call of /dev/ioasid leaves behind when one of its parts fails: nothing (uapi-ioasid.md, section 2). */
import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { user } from '../../test/simulated.js';
import { bootMachine, constants, ioctls } from '../index.js';
import { SimulatedFile } from '../memory/ram.js';
import { machineState } from '../state.js';

const { IOASID_IOCTLS: IOCTL, VFIO_IOCTLS: VFIO } = ioctls;
const MAX_FDS = 1024;
const TABLE = 0x30000n;

type User = ReturnType<typeof user>;

/** A device that nests and has PASIDs is on an IOASID that maps the user's tables. */
function setup() {
  const it = user(bootMachine({ selftest: true }));
  const device = it.bind('vfio1');
  const root = it.alloc();
  it.attach(device, root);
  const page = it.map(root, TABLE, 0x4000n);
  const nested = it.child(root);
  it.attach(device, nested);
  return { ...it, device, root, page, nested };
}

type Setup = ReturnType<typeof setup>;

/** What there is, to compare. */
function picture({ machine, process }: User): unknown {
  const { lockedPages, pinnedPages } = process.mm;
  return { ...machineState(machine), lockedPages, pinnedPages, files: [...process.files()].length };
}

/** Each call that allocates, and what has to be there before it. */
const CALLS: Record<string, (it: Setup) => () => unknown> = {
  ALLOC: (it) => () => it.alloc(),
  CREATE_NESTING:
    ({ child, root }) =>
    () =>
      child(root),
  REGISTER_MEMORY: ({ process, fd }) => {
    const vaddr = process.memory.mmap(0x4000);
    return () => process.call(fd, IOCTL.REGISTER_MEMORY, { vaddr, size: 0x4000n });
  },
  MAP_DMA: ({ process, fd, root }) => {
    const vaddr = process.memory.mmap(0x4000);
    const arg = { ioasid: root, flags: 3, vaddr, iova: 0x100000n, size: 0x4000n };
    return () => process.call(fd, IOCTL.MAP_DMA, arg);
  },
  'MAP_DMA of a child': ({ process, fd, nested }) => {
    const arg = { ioasid: nested, flags: 3, vaddr: TABLE, iova: 0x100000n, size: 0x1000n };
    return () => process.call(fd, IOCTL.MAP_DMA, arg);
  },
  BIND_PGTABLE: ({ process, fd, nested }) => {
    const format = constants.PGTABLE.IOASID_PGTABLE_X86_64_4LEVEL;
    return () => process.call(fd, IOCTL.BIND_PGTABLE, { ioasid: nested, format, addr: TABLE, addr_width: 48 });
  },
  FAULT_FD: ({ process, fd, root }) => {
    return () => process.call(fd, IOCTL.FAULT_FD, { ioasid: root });
  },
  EVENT_FD: ({ process, fd }) => {
    return () => process.ioctl(fd, IOCTL.EVENT_FD.request, 0);
  },
  BIND_IOASID_FD: ({ process, fd }) => {
    const device = process.open('/dev/vfio/devices/vfio2');
    return () => process.call(device, VFIO.BIND_IOASID_FD, { ioasid_fd: fd, cookie: 2n });
  },
  ATTACH_IOASID: (it) => {
    const [device, other] = [it.bind('vfio2'), it.alloc()];
    return () => it.attach(device, other);
  },
  'ATTACH_IOASID of a PASID': (it) => {
    const other = it.alloc();
    return () => it.attach(it.device, other, 7);
  },
};

describe('a call of /dev/ioasid', () => {
  test.each(Object.entries(CALLS))(
    '%s: whichever of its allocations fails, ENOMEM and nothing has changed; then it succeeds',
    (_name, prepare) => {
      const it = setup();
      const call = prepare(it);
      const { machine, process } = it;
      const counter = process.install(machine.kernel.faults?.open(process.tid) ?? expect.fail(), 0);
      const text = process.memory.mmap(4096);
      let n = 1;
      for (; n < 20; n++) {
        const before = picture(it);
        process.memory.write(text, new TextEncoder().encode(String(n)));
        process.pwrite(counter, text, String(n).length, 0n);
        const answer = refused(call);
        if (answer === 'ok') break;
        expect(answer).toBe('ENOMEM');
        expect(picture(it)).toEqual(before);
      }
      expect(n).toBeGreaterThan(1);
      expect(n).toBeLessThan(20);
      process.exit();
      expect(machineState(machine).contexts).toEqual([]);
    },
  );

  test.each(['FAULT_FD', 'EVENT_FD'])('%s: no descriptor is left, EMFILE and nothing has changed', (name) => {
    const it = setup();
    const call = CALLS[name]?.(it) ?? expect.fail();
    const { process } = it;
    const spare = process.dup(it.fd);
    while ([...process.files()].length < MAX_FDS - 3) process.dup(it.fd);
    const before = picture(it);
    expect(refused(call)).toBe('EMFILE');
    expect(picture(it)).toEqual(before);
    process.close(spare);
    expect(refused(call)).toBe('ok');
  });

  test('UNMAP_DMA whose answer cannot be written unmaps nothing; GET_INFO and DEVICE_GET_INFO change nothing', () => {
    const it = setup();
    const { process, fd, root } = it;
    it.map(root, 0x100000n, 0x2000n);
    const { UNMAP_DMA, GET_INFO, DEVICE_GET_INFO } = IOCTL;
    const call = (
      request: number,
      layout: { size: number },
      fields: readonly (readonly [number, bigint])[],
    ): string => {
      const view = new DataView(new ArrayBuffer(layout.size));
      view.setUint32(0, layout.size, true);
      for (const [at, value] of fields) view.setBigUint64(at, value, true);
      // Memory of a file that is mapped twice: to write the struct, and for the call, which cannot.
      const shared = new SimulatedFile(4096);
      process.memory.write(process.memory.mmap(4096, { shared }), new Uint8Array(view.buffer));
      const address = process.memory.mmap(4096, { shared, writable: false });
      return refused(() => process.ioctl(fd, request, address));
    };
    const { offset } = UNMAP_DMA.argument;
    const before = picture(it);
    const range = [
      [offset.ioasid, BigInt(root)],
      [offset.iova, 0x100000n],
      [offset.size, 0x2000n],
    ] as const;
    expect(call(UNMAP_DMA.request, UNMAP_DMA.argument, range)).toBe('EFAULT');
    expect(call(GET_INFO.request, GET_INFO.argument, [[GET_INFO.argument.offset.ioasid, BigInt(root)]])).toBe('EFAULT');
    const cookie = [DEVICE_GET_INFO.argument.offset.cookie, 1n] as const;
    expect(call(DEVICE_GET_INFO.request, DEVICE_GET_INFO.argument, [cookie])).toBe('EFAULT');
    expect(picture(it)).toEqual(before);
  });
});
