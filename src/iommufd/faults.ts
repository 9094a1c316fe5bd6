/** Where a device's page requests go (linux-iommufd.md, 9): to the queue of the table that its request was translated by. */
import { IOMMUFD } from '../abi/iommufd.js';
import { DMA_FAULT, type Domain } from '../iommu/domain.js';
import type { AttachTarget } from '../iommu/driver.js';
import type { PageRequestGroup } from '../iommu/page-request.js';
import type { IommufdDevice } from './device/device.js';
import { type IommufdGroup, NO_PASID } from './device/group.js';
import type { Hwpt } from './hwpt/hwpt.js';
import type { PageFault } from './queues/fault-queue.js';

/** A domain that translates nothing: that of a table which no request goes through. */
const NOTHING: Domain = { enforceSnoop: false, translate: () => DMA_FAULT.NOT_MAPPED };

/** Where requests of a group go that is attached to a table. */
export function targetOf(group: IommufdGroup<IommufdDevice>, hwpt: Hwpt, pasid: number): AttachTarget {
  const domain = hwpt.translation ?? NOTHING;
  if (!hwpt.faults) return { domain: hwpt.domain, route: { domain } };
  const faults = { deliver: (request: PageRequestGroup): boolean => deliver(group, hwpt, pasid, request) };
  return { domain: hwpt.domain, route: { domain, faults } };
}

/** Queues the requests of a device. Returns false if nobody will answer. */
function deliver(group: IommufdGroup<IommufdDevice>, hwpt: Hwpt, pasid: number, request: PageRequestGroup): boolean {
  const devices = group.attachments.get(pasid)?.devices ?? [];
  const device = [...devices].find((each) => each.device.source === request.who);
  if (!device || !hwpt.faults) return false;
  const valid = request.pasid === undefined ? 0 : IOMMUFD.IOMMU_PGFAULT_FLAGS_PASID_VALID;
  const faults = request.requests.map(
    ({ address, write }, i): PageFault => ({
      flags: valid | (i + 1 === request.requests.length ? IOMMUFD.IOMMU_PGFAULT_FLAGS_LAST_PAGE : 0),
      pasid: request.pasid ?? 0,
      grpid: request.index,
      perm: write ? IOMMUFD.IOMMU_PGFAULT_PERM_WRITE : IOMMUFD.IOMMU_PGFAULT_PERM_READ,
      addr: address,
    }),
  );
  const respond = (code: number): void =>
    request.respond(code === IOMMUFD.IOMMUFD_PAGE_RESP_SUCCESS ? 'success' : 'invalid');
  hwpt.faults.report({ source: group, pasid, device: device.id, faults, respond });
  return true;
}

/**
 * Queues page requests of a device that does no DMA.
 * @param respond called once, with IOMMUFD_PAGE_RESP_*: at once if no queue takes them
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
  if (!queue) respond(IOMMUFD.IOMMUFD_PAGE_RESP_INVALID);
  else queue.report({ source: device.group, pasid: from, device: device.id, faults, respond });
}
