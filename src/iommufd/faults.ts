/** Where a device's page requests go (linux-iommufd.md, 9): to the queue of the table that its request was translated by. */
import { IOMMUFD } from '../abi/iommufd.js';
import type { IommufdDevice } from './device/device.js';
import { NO_PASID } from './device/group.js';
import type { PageFault } from './queues/fault-queue.js';

/**
 * Queues a group of page requests.
 * @param respond called once, with IOMMUFD_PAGE_RESP_*: at once if no queue takes it
 */
export function reportFaults(
  device: IommufdDevice,
  faults: readonly PageFault[],
  respond: (code: number) => void,
): void {
  const [first] = faults;
  const pasid = first && first.flags & IOMMUFD.IOMMU_PGFAULT_FLAGS_PASID_VALID ? first.pasid : NO_PASID;
  const { attachments } = device.group;
  let from = pasid;
  let hwpt = attachments.get(pasid)?.hwpt;
  if (!hwpt && device.device.driver.userPasidTable) {
    // User space owns the PASID table of a nested domain: a PASID that is not attached is looked up there.
    const base = attachments.get(NO_PASID)?.hwpt;
    from = NO_PASID;
    hwpt = base?.domain.kind === 'nested' ? base : undefined;
  }
  const queue = hwpt?.faults;
  if (!queue) {
    respond(IOMMUFD.IOMMUFD_PAGE_RESP_INVALID);
    return;
  }
  queue.report({ source: device.group, pasid: from, device: device.id, faults, respond });
}
