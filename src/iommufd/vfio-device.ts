/** Devices of VFIO in an iommufd context: bound from their own files, or through a group that has the context as container. */
import { Errno } from '../abi/errno.js';
import { claim, release } from '../iommu/attach.js';
import { VtdDevice } from '../iommu/drivers/vtd.js';
import type { IommuGroup, Requester } from '../iommu/requester.js';
import type { AssignedDevice } from '../vfio/assigned-device.js';
import type { CompatIommu } from '../vfio/compat-iommu.js';
import { compatIoas } from './compat/vfio.js';
import type { IommufdContext } from './context.js';
import { attach } from './device/attach.js';
import { bind, unbind } from './device/bind.js';
import { IommufdDevice } from './device/device.js';
import { type DmaGroup, NO_PASID } from './device/group.js';
import { Ioas } from './ioas/ioas.js';

/** One view of each function and group, so that they can be compared. */
const DEVICES = new WeakMap<Requester, VtdDevice>();
const GROUPS = new WeakMap<IommuGroup, DmaGroup>();

function deviceOf(requester: Requester): VtdDevice {
  const known = DEVICES.get(requester) ?? new VtdDevice(requester);
  DEVICES.set(requester, known);
  return known;
}

function groupOf(group: IommuGroup): DmaGroup {
  const known = GROUPS.get(group) ?? {
    id: group.id,
    get devices() {
      return [...group.members].map(deviceOf);
    },
    claim: (owner: object) => claim(group, owner),
    release: (owner: object) => release(group, owner),
  };
  GROUPS.set(group, known);
  return known;
}

/** Binds a device to a context. @throws EPERM, and what bind() says */
export function bindVfio(context: IommufdContext, { requester }: AssignedDevice): IommufdDevice {
  // Interrupts of every machine here are remapped.
  return bind(context, deviceOf(requester), groupOf(requester.group), { isolatedMsi: true, holdsContext: true });
}

/** Lets a device go. */
export const unbindVfio = (device: IommufdDevice): void => unbind(device);

/** How a context names a device: its id; 0 it owns the device's group; -1 it does not. */
export function idOf(context: IommufdContext, requester: Requester): number {
  const device = deviceOf(requester);
  for (const object of context.objects)
    if (object instanceof IommufdDevice && object.device === device) return object.id;
  return requester.group.owner === context ? 0 : -1;
}

/** A device that is open through a group, and how often. */
interface Open {
  readonly bound: IommufdDevice;
  users: number;
}

const OPEN = new WeakMap<AssignedDevice, Open>();

/** A context as a group sees it that has it in place of a container. */
export function compatIommu(context: IommufdContext): CompatIommu {
  return {
    prepare() {
      if (context.compat) return;
      const ioas = context.objects.reserve(new Ioas());
      context.compat = context.objects.finalize(ioas);
    },
    open(device) {
      const open = OPEN.get(device) ?? firstOpen(context, device);
      open.users++;
      OPEN.set(device, open);
      return () => {
        if (--open.users > 0) return;
        OPEN.delete(device);
        unbind(open.bound);
      };
    },
  };
}

function firstOpen(context: IommufdContext, device: AssignedDevice): Open {
  if (device.files.size > 0) throw new Errno('EINVAL', `${device.name} is bound through another open file`);
  const bound = bindVfio(context, device);
  try {
    attach(bound, NO_PASID, compatIoas(context).id);
  } catch (error) {
    unbind(bound);
    throw error;
  }
  return { bound, users: 0 };
}
