/** Making hardware page tables: by IOMMU_HWPT_ALLOC, or for an attachment (linux-iommufd.md, 8). */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD } from '../../abi/iommufd.js';
import type { DriverDevice, UserData } from '../../iommu/driver.js';
import type { IommufdContext } from '../context.js';
import type { IommufdDevice } from '../device/device.js';
import { Ioas } from '../ioas/ioas.js';
import type { ObjectTable } from '../objects.js';
import { Viommu } from '../viommu/viommu.js';
import { HwptNested, HwptPaging } from './hwpt.js';

const { IOMMU_HWPT_ALLOC_NEST_PARENT: NEST_PARENT, IOMMU_HWPT_ALLOC_DIRTY_TRACKING: DIRTY_TRACKING } = IOMMUFD;
const { IOMMU_HWPT_FAULT_ID_VALID: FAULT_ID_VALID, IOMMU_HWPT_ALLOC_PASID: PASID } = IOMMUFD;
const PAGING_FLAGS = NEST_PARENT | DIRTY_TRACKING | FAULT_ID_VALID | PASID;
const NESTED_FLAGS = FAULT_ID_VALID | PASID;

function unsupported(device: DriverDevice, flags: number): Errno {
  return new Errno('EOPNOTSUPP', `${device.name} supports no such HWPT: flags 0x${flags.toString(16)}`);
}

/**
 * A paging table for a device; it is not filled.
 * @returns it, with an id that is reserved
 * @throws EOPNOTSUPP, EINVAL, EFAULT
 */
export function allocatePaging(
  objects: ObjectTable,
  ioas: Ioas,
  device: DriverDevice,
  flags: number,
  data: UserData | undefined,
  automatic: boolean,
): HwptPaging {
  const { driver } = device;
  if ((flags !== 0 || data) && !driver.extended) throw unsupported(device, flags);
  if (flags & ~PAGING_FLAGS) throw unsupported(device, flags);
  if (flags & DIRTY_TRACKING && !device.dirtyTracking) throw unsupported(device, flags);
  if (flags & FAULT_ID_VALID && flags & NEST_PARENT) throw unsupported(device, flags);
  const domain = driver.paging(device, flags & ~FAULT_ID_VALID, data);
  return objects.reserve(
    new HwptPaging(ioas, domain, {
      pasid: (flags & PASID) !== 0,
      nestParent: (flags & NEST_PARENT) !== 0,
      automatic,
    }),
  );
}

function allocateNested(
  objects: ObjectTable,
  parent: HwptPaging,
  device: DriverDevice,
  flags: number,
  data: UserData | undefined,
): HwptNested {
  const { driver } = device;
  if (flags & ~NESTED_FLAGS || !data || !driver.nested) throw unsupported(device, flags);
  if (parent.automatic || !parent.nestParent || parent.domain.driver !== driver) {
    throw new Errno('EINVAL', `HWPT ${parent.id} cannot be the parent of a nested HWPT of ${device.name}`);
  }
  const domain = driver.nested(device, parent, flags & ~FAULT_ID_VALID, data);
  return objects.reserve(new HwptNested(domain, parent, undefined, (flags & PASID) !== 0));
}

function allocateBelow(
  objects: ObjectTable,
  viommu: Viommu,
  device: DriverDevice,
  flags: number,
  data: UserData | undefined,
): HwptNested {
  if (viommu.iommu !== device.iommu)
    throw new Errno('EINVAL', `${device.name} is behind another IOMMU than viommu ${viommu.id}`);
  if (flags & ~NESTED_FLAGS || !data || !viommu.driver.nested) throw unsupported(device, flags);
  const domain = viommu.driver.nested(flags & ~FAULT_ID_VALID, data);
  return objects.reserve(new HwptNested(domain, viommu.parent, viommu, (flags & PASID) !== 0));
}

/**
 * Makes a table below an IOAS, a paging table or a virtual IOMMU.
 * @returns it, with an id that is reserved
 * @throws EINVAL also for an unknown id; EOPNOTSUPP, EFAULT, and what filling answers
 */
export function allocateHwpt(
  context: IommufdContext,
  device: IommufdDevice,
  below: number,
  flags: number,
  data: UserData | undefined,
): HwptPaging | HwptNested {
  const { objects } = context;
  const target = objects.find(below);
  if (target instanceof Ioas) {
    const hwpt = allocatePaging(objects, target, device.device, flags, data, false);
    try {
      hwpt.fill();
    } catch (error) {
      objects.abort(hwpt);
      throw error;
    }
    return hwpt;
  }
  if (target instanceof HwptPaging) return allocateNested(objects, target, device.device, flags, data);
  if (target instanceof Viommu) return allocateBelow(objects, target, device.device, flags, data);
  throw new Errno('EINVAL', `object ${below} is no IOAS, paging HWPT or viommu`);
}
