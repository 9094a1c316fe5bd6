/** No-snoop DMA passes by the CPU's caches, whichever personality the device is attached by (authority.md). */
import { describe, expect, test } from 'vitest';
import { IOMMUFD_IOCTLS } from '../src/abi/iommufd.js';
import { VFIO_IOMMUFD_IOCTLS } from '../src/abi/vfio.js';
import { VFIO_CONTAINER_IOCTLS as CONTAINER, VFIO_GROUP_IOCTLS as GROUP } from '../src/abi/vfio-container.js';
import { bootMachine, ioctls } from '../src/index.js';
import { type Engine, user } from './simulated.js';

const { IOASID_IOCTLS } = ioctls;
const PAGE = 4096n;
const IOVA = 0x10000n;
/** Configuration space is region 7; the command register is at 4: memory decode, bus master. */
const COMMAND = (7n << 40n) + 4n;

/** A device that can pass by the caches, and memory that it reaches. */
interface Bench {
  readonly it: ReturnType<typeof user>;
  readonly engine: Engine;
  map(vaddr: bigint, iova?: bigint): void;
  unmap(iova?: bigint): void;
  detach(): void;
}

/** vfio0 is behind an IOMMU that cannot enforce snooping, vfio1 behind one that can. */
type Setup = (device: 'vfio0' | 'vfio1') => Bench;
const GROUPS = { vfio0: [1, '0000:00:02.0'], vfio1: [2, '0000:01:00.0'] } as const;

function pointerTo(it: ReturnType<typeof user>, bytes: Uint8Array): bigint {
  const pointer = it.process.memory.mmap(PAGE);
  it.process.memory.write(pointer, bytes);
  return pointer;
}

function start(it: ReturnType<typeof user>, device: number): Engine {
  it.process.pwrite(device, pointerTo(it, new Uint8Array([6, 0])), 2, COMMAND);
  return it.engine(device);
}

const ioasid: Setup = (device) => {
  const it = user(bootMachine({ coherency: 'strict' }));
  const engine = it.bind(device);
  const space = it.alloc(2);
  it.attach(engine, space);
  const { process, fd } = it;
  return {
    ...{ it, engine },
    map: (vaddr, iova = IOVA) =>
      process.call(fd, IOASID_IOCTLS.MAP_DMA, { ioasid: space, flags: 3, vaddr, iova, size: PAGE }),
    unmap: (iova = IOVA) => process.call(fd, IOASID_IOCTLS.UNMAP_DMA, { ioasid: space, iova, size: PAGE }),
    detach: () => it.detach(engine, space),
  };
};

const container: Setup = (device) => {
  const it = user(bootMachine({ coherency: 'strict' }));
  const { process } = it;
  const [number, name] = GROUPS[device];
  const [fd, group] = [process.open('/dev/vfio/vfio'), process.open(`/dev/vfio/${number}`)];
  process.ioctl(group, GROUP.SET_CONTAINER.request, pointerTo(it, new Uint8Array(new Int32Array([fd]).buffer)));
  process.ioctl(fd, CONTAINER.SET_IOMMU.request, 3);
  const opened = process.ioctl(group, GROUP.GET_DEVICE_FD.request, pointerTo(it, Buffer.from(`${name}\0`)));
  return {
    ...{ it, engine: start(it, opened) },
    map: (vaddr, iova = IOVA) => process.call(fd, CONTAINER.IOMMU_MAP_DMA, { flags: 3, vaddr, iova, size: PAGE }),
    unmap: (iova = IOVA) => process.call(fd, CONTAINER.IOMMU_UNMAP_DMA, { iova, size: PAGE }),
    detach: () => {
      process.close(opened);
      process.close(group);
    },
  };
};

const iommufd: Setup = (device) => {
  const it = user(bootMachine({ coherency: 'strict' }));
  const { process } = it;
  const fd = process.open('/dev/iommu');
  const { out_ioas_id: ioas_id } = process.call(fd, IOMMUFD_IOCTLS.IOAS_ALLOC);
  const opened = process.open(`/dev/vfio/devices/${device}`);
  process.call(opened, VFIO_IOMMUFD_IOCTLS.BIND, { iommufd: fd });
  process.call(opened, VFIO_IOMMUFD_IOCTLS.ATTACH, { pt_id: ioas_id });
  return {
    ...{ it, engine: start(it, opened) },
    // FIXED_IOVA, READABLE, WRITEABLE
    map: (vaddr, iova = IOVA) =>
      process.call(fd, IOMMUFD_IOCTLS.IOAS_MAP, { ioas_id, flags: 7, user_va: vaddr, iova, length: PAGE }),
    unmap: (iova = IOVA) => process.call(fd, IOMMUFD_IOCTLS.IOAS_UNMAP, { ioas_id, iova, length: PAGE }),
    detach: () => process.call(opened, VFIO_IOMMUFD_IOCTLS.DETACH),
  };
};

describe.each([
  ['/dev/ioasid', ioasid],
  ['a container', container],
  ['/dev/iommu', iommufd],
])('a no-snoop device on %s', (_, setup) => {
  test('writes memory that the CPU sees after a flush, and not before', () => {
    const { it, engine, map } = setup('vfio0');
    const memory = it.process.memory.mmap(PAGE);
    map(memory);
    expect(engine.fill(IOVA, 7n, undefined, true)).toBe(0);
    expect(it.peek(memory)).toBe(0n);
    it.machine.caches.flush();
    expect(it.peek(memory)).toBe(7n);
  });

  test('writes what is seen at once where the request snoops', () => {
    const { it, engine, map } = setup('vfio0');
    const memory = it.process.memory.mmap(PAGE);
    map(memory);
    engine.fill(IOVA, 7n);
    expect(it.peek(memory)).toBe(7n);
  });

  test.each(['unmap', 'detach'] as const)('lets the CPU see its bytes when the memory is let go: %s', (way) => {
    const bench = setup('vfio0');
    const memory = bench.it.process.memory.mmap(PAGE);
    bench.map(memory);
    bench.engine.fill(IOVA, 7n, undefined, true);
    bench[way]();
    expect(bench.it.peek(memory)).toBe(7n);
    bench.it.process.memory.write(memory, new Uint8Array([9]));
    bench.it.machine.caches.flush();
    expect(bench.it.peek(memory)).toBe(9n);
  });

  test('reaches one DRAM, by whichever of two mappings', () => {
    const { it, engine, map, unmap } = setup('vfio0');
    const memory = it.process.memory.mmap(PAGE);
    map(memory);
    map(memory, 2n * IOVA);
    engine.fill(IOVA, 7n, undefined, true);
    unmap(IOVA);
    expect(it.peek(memory)).toBe(0n);
    unmap(2n * IOVA);
    expect(it.peek(memory)).toBe(7n);
  });
});

test.each([
  ['a container', container],
  ['/dev/iommu', iommufd],
])('where the IOMMU can enforce snooping, %s asks it to: the same request is seen at once', (_, setup) => {
  const { it, engine, map } = setup('vfio1');
  const memory = it.process.memory.mmap(PAGE);
  map(memory);
  expect(engine.fill(IOVA, 7n, undefined, true)).toBe(0);
  expect(it.peek(memory)).toBe(7n);
});
