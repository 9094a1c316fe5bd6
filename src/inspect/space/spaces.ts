/** The I/O address spaces of a machine, whichever personality has them: IOASIDs, IOAS, and VFIO containers. */
import { pageOf } from '../../abi/address.js';
import type { BootedMachine } from '../../boot.js';
import type { Container } from '../../container/container.js';
import type { AddressSpace } from '../../ioasid/space/address-space.js';
import { MAP_READ, MAP_WRITE } from '../../iommu/paging/paging-domain.js';
import type { IovaRange } from '../../iommu/unit.js';
import type { IommufdContext } from '../../iommufd/context.js';
import { IommufdDevice } from '../../iommufd/device/device.js';
import { NO_PASID } from '../../iommufd/device/group.js';
import { HwptPaging } from '../../iommufd/hwpt/hwpt.js';
import { Ioas } from '../../iommufd/ioas/ioas.js';
import { containerId, ioasId, spaceId } from '../ids.js';
import type { Range, Reach } from '../source.js';
import type { Describe, RunCursor } from '../window.js';
import { AreaCursor, describe, MappingCursor } from './area-cursor.js';
import { dirtyRanges } from './dirty-pages.js';

/** What a picture of an address space needs. */
export interface Space {
  readonly mappings: RunCursor;
  readonly describe: Describe;
  /** What may be mapped. */
  readonly permitted: readonly IovaRange[];
  /** Pages of [first, last] that devices wrote, while it is tracked. */
  dirty(first: bigint, last: bigint): Range[];
  readonly reachedBy: readonly Reach[];
}

const reach = (device: string, pasid: number | undefined): Reach => ({
  device,
  ...(pasid !== undefined && { pasid }),
});

function ofIoasid(space: AddressSpace): Space {
  const { map, dirty } = space.mappings;
  return {
    mappings: map,
    describe: (tag) => ({
      access: `${tag & MAP_READ ? 'r' : ''}${tag & MAP_WRITE ? 'w' : ''}`,
      owner: tag >>> 3,
    }),
    permitted: space.constraints?.ranges ?? [],
    dirty: (first, last) => dirtyRanges((start, count, visit) => dirty?.forEach(start, count, visit), first, last),
    reachedBy: space.attachments.map(({ device, pasid }) => reach(device.requester.name, pasid)),
  };
}

/** The devices that are attached to tables of an IOAS, nested ones among them. */
function reaching(context: IommufdContext, ioas: Ioas): Reach[] {
  return [...context.objects].flatMap((object) => {
    if (!(object instanceof IommufdDevice)) return [];
    return object.attached
      .filter((pasid) => object.group.attachments.get(pasid)?.hwpt.paging.ioas === ioas)
      .map((pasid) => reach(object.device.name, pasid === NO_PASID ? undefined : pasid));
  });
}

function ofIoas(context: IommufdContext, ioas: Ioas): Space {
  const { table, hwpts } = ioas;
  return {
    mappings: new AreaCursor(table.areas),
    describe,
    permitted: table.reserved.holes(),
    dirty(first, last) {
      const pages = new Set<number>();
      for (const hwpt of hwpts) {
        if (!(hwpt instanceof HwptPaging) || !hwpt.tracking) continue;
        hwpt.dirty.read(first, last, false, (start, end) => {
          for (let page = pageOf(start); page <= pageOf(end); page++) pages.add(page);
        });
      }
      return dirtyRanges((_start, _count, visit) => pages.forEach(visit), first, last);
    },
    reachedBy: reaching(context, ioas),
  };
}

/** Of a container every pinned page counts as dirty: nothing is told of single ones. */
function ofContainer(container: Container): Space | undefined {
  if (!container.hasDriver) return undefined;
  const { mappings, ranges } = container.type1;
  const members = container.groups.flatMap((group) => [...group.members]);
  return {
    mappings: new MappingCursor(mappings),
    describe,
    permitted: ranges,
    dirty: () => [],
    reachedBy: members.map(({ name }) => reach(name, undefined)),
  };
}

/** The address space of an object, by its id; undefined: it has none. */
export function spaceOf(machine: BootedMachine, id: string): Space | undefined {
  for (const context of machine.contexts)
    for (const space of context.spaces()) if (spaceId(context.number, space.id) === id) return ofIoasid(space);
  let number = 0;
  for (const context of machine.iommufd.contexts) {
    number++;
    for (const object of context.objects)
      if (object instanceof Ioas && ioasId(number, object.id) === id) return ofIoas(context, object);
  }
  number = 0;
  for (const container of machine.containers.containers)
    if (containerId(++number) === id) return ofContainer(container);
  return undefined;
}
