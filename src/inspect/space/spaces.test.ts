import { expect, test } from 'vitest';
import { IOMMUFD, IOMMUFD_IOCTLS } from '../../abi/iommufd.js';
import { VFIO_IOMMUFD_IOCTLS } from '../../abi/vfio.js';
import { VFIO_CONTAINER_IOCTLS as CONTAINER, VFIO_GROUP_IOCTLS as GROUP } from '../../abi/vfio-container.js';
import { type BootedMachine, bootMachine } from '../../boot.js';
import { snapshotOf } from '../snapshot.js';
import type { ObjectView, SpaceWindow } from '../source.js';
import { spaceWindow } from '../space-window.js';

const look = (machine: BootedMachine, space: string, last = '0xffffffffffffffff', columns = 64): SpaceWindow =>
  spaceWindow(machine, { space, first: '0x0', last, columns });

/** Links lead to objects, and each object that has mappings has a window. */
function consistent(machine: BootedMachine): readonly ObjectView[] {
  const { objects } = snapshotOf(machine);
  const ids = new Set(objects.map(({ id }) => id));
  for (const { links } of objects) for (const { to } of links) expect(ids).toContain(to);
  for (const { id, facts } of objects)
    if (typeof facts.mappings === 'number') expect(look(machine, id).mappings).toBe(facts.mappings);
  return objects;
}

test('an IOAS is a window: its areas, what is reserved, dirty pages, and whose requests it translates', () => {
  const machine = bootMachine();
  const process = machine.spawn();
  const iommufd = process.open('/dev/iommu');
  const { out_ioas_id: ioas } = process.call(iommufd, IOMMUFD_IOCTLS.IOAS_ALLOC, {});
  const device = process.open('/dev/vfio/devices/vfio1');
  process.call(device, VFIO_IOMMUFD_IOCTLS.BIND, { argsz: 16, iommufd });
  process.call(device, VFIO_IOMMUFD_IOCTLS.ATTACH, { argsz: 12, pt_id: ioas });
  const memory = process.memory.mmap(0x4000);
  const map = (iova: bigint, length: bigint, writable: boolean) =>
    process.call(iommufd, IOMMUFD_IOCTLS.IOAS_MAP, {
      flags:
        IOMMUFD.IOMMU_IOAS_MAP_FIXED_IOVA |
        IOMMUFD.IOMMU_IOAS_MAP_READABLE |
        (writable ? IOMMUFD.IOMMU_IOAS_MAP_WRITEABLE : 0),
      ...{ ioas_id: ioas, user_va: memory, length, iova },
    });
  map(0x10000n, 0x2000n, true);
  map(0x20000n, 0x1000n, false);
  const objects = consistent(machine);
  const space = objects.find(({ kind }) => kind === 'IOAS');
  expect(space).toMatchObject({ name: `IOAS ${ioas}`, facts: { mappings: 2 } });
  const window = look(machine, space?.id ?? '');
  expect(window.runs).toEqual([
    { first: '0x10000', last: '0x11fff', target: `0x${memory.toString(16)}`, access: 'rw', owner: 0 },
    { first: '0x20000', last: '0x20fff', target: `0x${memory.toString(16)}`, access: 'r', owner: 0 },
  ]);
  const open = (address: bigint) =>
    window.permitted.some(({ first, last }) => BigInt(first) <= address && address <= BigInt(last));
  expect([open(0x30000n), open(0xfee00000n)]).toEqual([true, false]);
  const own = objects.find(({ kind, name }) => kind === 'device' && name === 'vfio1');
  expect(window.reachedBy).toEqual([{ device: own?.facts.function }]);
  const bound = objects.find(({ kind }) => kind === 'bound device');
  expect(bound?.links.map(({ as }) => as).sort()).toEqual(['attached', 'device']);
  process.close(iommufd);
  process.close(device);
  expect(consistent(machine).some(({ kind }) => kind === 'IOAS')).toBe(false);
});

test('a container is a window, and goes with the last that holds it', () => {
  const machine = bootMachine();
  const process = machine.spawn();
  const [container, group] = [process.open('/dev/vfio/vfio'), process.open('/dev/vfio/3')];
  consistent(machine);
  const pointer = process.memory.mmap(0x1000);
  process.memory.write(pointer, new Uint8Array(new Int32Array([container]).buffer));
  process.ioctl(group, GROUP.SET_CONTAINER.request, pointer);
  process.ioctl(container, CONTAINER.SET_IOMMU.request, 3);
  const vaddr = process.memory.mmap(0x3000);
  process.call(container, CONTAINER.IOMMU_MAP_DMA, { flags: 3, vaddr, iova: 0x5000n, size: 0x3000n });
  const space = consistent(machine).find(({ kind }) => kind === 'container');
  const window = look(machine, space?.id ?? '');
  expect(window.runs).toMatchObject([{ first: '0x5000', last: '0x7fff', access: 'rw' }]);
  expect(window.reachedBy).toHaveLength([...machine.hardware.devices].filter((d) => d.requester.group.id === 3).length);
  process.close(container);
  expect(consistent(machine).some(({ kind }) => kind === 'container')).toBe(true);
  process.close(group);
  expect(consistent(machine).some(({ kind }) => kind === 'container')).toBe(false);
});
