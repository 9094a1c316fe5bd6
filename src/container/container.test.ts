import { describe, expect, test } from 'vitest';
import { VFIO_CONTAINER_IOCTLS as CONTAINER, VFIO_GROUP_IOCTLS as GROUP } from '../abi/vfio-container.js';
import { bootMachine } from '../boot.js';
import type { Process } from '../kernel/process.js';

const PAGE = 4096n;
const [READ_WRITE, VADDR, ALL] = [3, 4, 2];
const fails = (code: string) => expect.objectContaining({ code });

/** A process with two groups of the default machine, and the calls that tests make. */
function setUp(type: number) {
  const machine = bootMachine();
  const process = machine.spawn({ memlock: 64n * PAGE });
  const [container, first, second] = ['/dev/vfio/vfio', '/dev/vfio/3', '/dev/vfio/4'].map((path) => process.open(path));
  if (container === undefined || first === undefined || second === undefined) throw new Error('not open');
  join(process, first, container);
  process.ioctl(container, CONTAINER.SET_IOMMU.request, type);
  const memory = process.memory.mmap(64 * Number(PAGE));
  const map = (iova: bigint, size: bigint, flags = READ_WRITE, vaddr = memory) =>
    process.call(container, CONTAINER.IOMMU_MAP_DMA, { flags, vaddr, iova, size });
  const unmap = (iova: bigint, size: bigint, flags = 0) =>
    process.call(container, CONTAINER.IOMMU_UNMAP_DMA, { flags, iova, size }).size;
  return { machine, process, container, first, second, memory, map, unmap };
}

function join(process: Process, group: number, container: number): number {
  const pointer = process.memory.mmap(Number(PAGE));
  process.memory.write(pointer, new Uint8Array(new Int32Array([container]).buffer));
  return process.ioctl(group, GROUP.SET_CONTAINER.request, pointer);
}

describe('a container with type1 (linux-vfio.md, 2 to 4)', () => {
  test('a group is open once, and is in one container', () => {
    const { process, first, container } = setUp(3);
    expect(() => process.open('/dev/vfio/3')).toThrow(fails('EBUSY'));
    expect(() => join(process, first, container)).toThrow(fails('EINVAL'));
    expect(process.call(first, GROUP.GET_STATUS).flags).toBe(3);
    process.ioctl(first, GROUP.UNSET_CONTAINER.request);
    expect(process.call(first, GROUP.GET_STATUS).flags).toBe(1);
  });

  test('with its last group the driver and all mappings go; another type can be chosen then', () => {
    const { process, first, container, map } = setUp(3);
    map(0n, PAGE);
    expect(process.mm.lockedPages).toBe(1);
    process.ioctl(first, GROUP.UNSET_CONTAINER.request);
    expect(process.mm.lockedPages).toBe(0);
    expect(() => map(0n, PAGE)).toThrow(fails('EINVAL'));
    join(process, first, container);
    process.ioctl(container, CONTAINER.SET_IOMMU.request, 1);
    map(0n, PAGE);
  });

  test('MAP_DMA judges in order: size, wrap, flags, alignment, overlap, range, memory, limit', () => {
    const { map } = setUp(3);
    expect(() => map(0n, 0n)).toThrow(fails('EINVAL'));
    expect(() => map((1n << 64n) - PAGE, 2n * PAGE)).toThrow(fails('EOVERFLOW'));
    expect(() => map(0n, PAGE, 0)).toThrow(fails('EINVAL'));
    expect(() => map(0n, PAGE, READ_WRITE | VADDR)).toThrow(fails('EINVAL'));
    expect(() => map(0n, PAGE, VADDR)).toThrow(fails('ENOENT'));
    expect(() => map(1n, PAGE)).toThrow(fails('EINVAL'));
    map(0n, 2n * PAGE);
    expect(() => map(PAGE, PAGE)).toThrow(fails('EEXIST'));
    expect(() => map(0xfee00000n, PAGE)).toThrow(fails('EINVAL'));
    expect(() => map(8n * PAGE, PAGE, READ_WRITE, 0x1000n)).toThrow(fails('EFAULT'));
    expect(() => map(8n * PAGE, 63n * PAGE)).toThrow(fails('ENOMEM'));
  });

  test('type 1v2 refuses to cut a mapping, and removes nothing then', () => {
    const { map, unmap } = setUp(3);
    map(0n, 2n * PAGE);
    map(2n * PAGE, PAGE);
    expect(() => unmap(PAGE, 2n * PAGE)).toThrow(fails('EINVAL'));
    expect(unmap(0n, 3n * PAGE)).toBe(3n * PAGE);
    expect(unmap(0n, 3n * PAGE)).toBe(0n);
  });

  test('type 1 removes whole mappings that begin in the range, also beyond its end', () => {
    const { map, unmap } = setUp(1);
    map(0n, 2n * PAGE);
    map(2n * PAGE, 2n * PAGE);
    expect(unmap(PAGE, 3n * PAGE)).toBe(0n);
    expect(unmap(0n, 3n * PAGE)).toBe(4n * PAGE);
  });

  test('user addresses can be taken away and given again, of one mapping exactly', () => {
    const { map, unmap, process, second, container } = setUp(3);
    map(0n, 2n * PAGE);
    expect(unmap(0n, 0n, ALL | VADDR)).toBe(2n * PAGE);
    expect(() => unmap(0n, 2n * PAGE, VADDR)).toThrow(fails('EINVAL'));
    expect(() => join(process, second, container)).toThrow(fails('EBUSY'));
    expect(() => map(0n, PAGE, VADDR)).toThrow(fails('EINVAL'));
    map(0n, 2n * PAGE, VADDR);
    join(process, second, container);
    expect(unmap(0n, 0n, ALL)).toBe(2n * PAGE);
  });

  test('GET_INFO says how much room the capabilities need', () => {
    const { process, container } = setUp(3);
    const { argsz, flags, cap_offset } = process.call(container, CONTAINER.IOMMU_GET_INFO);
    expect([argsz, flags, cap_offset]).toEqual([120, 3, 0]);
  });
});
