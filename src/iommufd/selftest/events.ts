/** Test operations that make a mock device ask for a page, or its virtual IOMMU tell of an event. */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD } from '../../abi/iommufd.js';
import { IOMMUFD_TEST as T } from '../../abi/iommufd-test.js';
import { MockDevice } from '../../iommu/drivers/mock.js';
import type { IommufdContext } from '../context.js';
import { IommufdDevice } from '../device/device.js';
import { reportFaults } from '../faults.js';

export interface MockFault {
  readonly pasid: number;
  readonly grpid: number;
  readonly perm: number;
  readonly addr: bigint;
}

function mockDevice(context: IommufdContext, id: number): [IommufdDevice, MockDevice] {
  const device = context.objects.get(id, IommufdDevice);
  if (!(device.device instanceof MockDevice)) throw new Errno('EINVAL', `device ${id} is no mock device`);
  return [device, device.device];
}

/** A request for one page, which no device waits for. @throws ENOENT, EINVAL */
export function triggerFault(context: IommufdContext, id: number, fault: MockFault): void {
  const [device] = mockDevice(context, id);
  const flags =
    IOMMUFD.IOMMU_PGFAULT_FLAGS_LAST_PAGE | (fault.pasid === 0 ? 0 : IOMMUFD.IOMMU_PGFAULT_FLAGS_PASID_VALID);
  reportFaults(device, [{ ...fault, flags }], () => {});
}

/** @throws ENOENT no virtual IOMMU, or no number in it; EOPNOTSUPP nobody listens */
export function triggerVevent(context: IommufdContext, id: number): void {
  const [, mock] = mockDevice(context, id);
  if (!mock.viommu || mock.virtId === 0n) throw new Errno('ENOENT', `${mock.name} has no number in a virtual IOMMU`);
  const data = new DataView(new ArrayBuffer(4));
  data.setUint32(0, Number(mock.virtId & 0xffff_ffffn), true);
  mock.viommu.host.report(T.IOMMU_VEVENTQ_TYPE_SELFTEST, new Uint8Array(data.buffer));
}
