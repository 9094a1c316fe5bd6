/** Binding a device to a context, and letting it go (linux-iommufd.md, 7). */
import { Errno } from '../../abi/errno.js';
import type { DriverDevice } from '../../iommu/driver.js';
import type { IommufdContext } from '../context.js';
import { detach } from './attach.js';
import { IommufdDevice } from './device.js';
import { type DmaGroup, IommufdGroup } from './group.js';

export interface BindOptions {
  /** Interrupts of the group cannot reach into another's; so it is with interrupt remapping. */
  readonly isolatedMsi: boolean;
  /** It keeps the context alive; a mock device does not. */
  readonly holdsContext: boolean;
}

/** The groups of a context that have bound devices. */
const groups = new WeakMap<IommufdContext, Map<DmaGroup, IommufdGroup<IommufdDevice>>>();

function groupOf(context: IommufdContext, group: DmaGroup): IommufdGroup<IommufdDevice> {
  const known: Map<DmaGroup, IommufdGroup<IommufdDevice>> = groups.get(context) ?? new Map();
  groups.set(context, known);
  const own = known.get(group);
  if (own && own.members > 0) return own;
  const made = new IommufdGroup<IommufdDevice>(group);
  known.set(group, made);
  return made;
}

/** A device of the group is bound to the context. */
export function hasGroup(context: IommufdContext, group: DmaGroup): boolean {
  return (groups.get(context)?.get(group)?.members ?? 0) > 0;
}

/**
 * Binds a device.
 * @throws EINVAL its DMA is not coherent; EPERM interrupts are not isolated, or the group's DMA is somebody else's
 */
export function bind(
  context: IommufdContext,
  device: DriverDevice,
  group: DmaGroup,
  options: BindOptions,
): IommufdDevice {
  if (!device.coherent) throw new Errno('EINVAL', `DMA of ${device.name} is not coherent with the CPU's caches`);
  if (!options.isolatedMsi) {
    throw new Errno('EPERM', `interrupts of group ${group.id} of ${device.name} are not isolated`);
  }
  group.claim(context);
  const bound = new IommufdDevice(context, device, groupOf(context, group), options.holdsContext);
  context.objects.reserve(bound);
  bound.users = 1;
  return context.objects.finalize(bound);
}

/** Who bound a device lets it go: what is attached is detached, PASIDs first; its vdevice leaves a tombstone. */
export function unbind(device: IommufdDevice): void {
  for (const pasid of device.attached.sort((a, b) => b - a)) detach(device, pasid);
  device.leaving = true;
  const { objects } = device.context;
  if (device.vdevice) objects.bury(device.vdevice);
  device.users--;
  objects.remove(device);
  if (device.group.members === 0) groups.get(device.context)?.delete(device.group.group);
}
