/** Devices of VFIO as iommufd knows them, and a context that a group has in place of a container. */
import { Errno } from '../abi/errno.js';
import { claim, release } from '../iommu/attach.js';
import type { DriverDevice } from '../iommu/driver.js';
import { VtdDevice } from '../iommu/drivers/vtd.js';
import type { IommuGroup, Requester } from '../iommu/requester.js';
import type { AssignedDevice } from '../vfio/assigned-device.js';
import type { CompatIommu } from '../vfio/compat-iommu.js';
import { compatIoas } from './compat/vfio.js';
import type { IommufdContext } from './context.js';
import { attach } from './device/attach.js';
import { bind, unbind } from './device/bind.js';
import type { IommufdDevice } from './device/device.js';
import { type DmaGroup, NO_PASID } from './device/group.js';
import { Ioas } from './ioas/ioas.js';

/** A group of real functions, as iommufd claims it. */
class VtdGroup implements DmaGroup {
  readonly group: IommuGroup;

  constructor(group: IommuGroup) {
    this.group = group;
  }

  get id(): number {
    return this.group.id;
  }

  get devices(): DriverDevice[] {
    return [...this.group.members].map(deviceOf);
  }

  claim(owner: object): void {
    claim(this.group, owner);
  }

  release(owner: object): void {
    release(this.group, owner);
  }
}

const devices = new WeakMap<Requester, VtdDevice>();
const groups = new WeakMap<IommuGroup, VtdGroup>();

/** The one driver's device of a function. */
export function deviceOf(requester: Requester): VtdDevice {
  const device = devices.get(requester) ?? new VtdDevice(requester);
  devices.set(requester, device);
  return device;
}

/** The one view of a group. */
export function groupOf(group: IommuGroup): DmaGroup {
  const view = groups.get(group) ?? new VtdGroup(group);
  groups.set(group, view);
  return view;
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
  const { requester } = device;
  const options = { isolatedMsi: true, holdsContext: true };
  const bound = bind(context, deviceOf(requester), groupOf(requester.group), options);
  try {
    attach(bound, NO_PASID, compatIoas(context).id);
  } catch (error) {
    unbind(bound);
    throw error;
  }
  return { bound, users: 0 };
}
