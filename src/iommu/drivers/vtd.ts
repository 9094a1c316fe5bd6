/**
 * Intel's VT-d as iommufd sees it (drivers/iommu/intel): the functions of a machine behind its remapping units. Paging domains
 * translate by what iommufd shows them.
 */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD, iommu_hw_info_vtd } from '../../abi/iommufd.js';

import { attach, detach, replace, routeOf } from '../attach.js';
import { DMA_FAULT, type DmaFault, type Domain, type Hit } from '../domain.js';
import type { DriverDevice, DriverDomain, DriverPaging, IommuDriver, PageLookup, UserData } from '../driver.js';
import type { Requester } from '../requester.js';
import type { IommuUnit, IovaRange } from '../unit.js';
import { capabilityRegister, extendedCapabilityRegister } from './vtd-registers.js';

const { IOMMU_HWPT_ALLOC_DIRTY_TRACKING, IOMMU_HWPT_ALLOC_NEST_PARENT, IOMMU_HWPT_ALLOC_PASID } = IOMMUFD;
const { IOMMU_HW_INFO_TYPE_DEFAULT, IOMMU_HW_INFO_TYPE_INTEL_VTD } = IOMMUFD;

/** A paging domain of one kind of unit. */
class VtdPaging implements DriverPaging, Domain {
  readonly kind = 'paging';
  readonly driver: IommuDriver = VTD;
  readonly pageSizes: bigint;
  readonly aperture: IovaRange;
  readonly dirtyTracking: boolean;
  readonly enforceCoherency: boolean;
  readonly enforceSnoop: boolean;
  #pages: PageLookup | undefined;

  constructor(unit: IommuUnit, dirtyTracking: boolean) {
    this.pageSizes = unit.pageSizes;
    this.aperture = { start: 0n, last: (1n << BigInt(unit.addressWidth)) - 1n };
    this.dirtyTracking = dirtyTracking;
    this.enforceCoherency = this.enforceSnoop = unit.enforcesSnoop;
  }

  show(pages: PageLookup): void {
    this.#pages = pages;
  }

  translate(page: number, write: boolean, hit: Hit): DmaFault {
    return this.#pages?.translate(page, write, hit) ?? DMA_FAULT.NOT_MAPPED;
  }
}

/** A function of the machine. */
export class VtdDevice implements DriverDevice {
  readonly driver: IommuDriver = VTD;
  readonly requester: Requester;
  readonly coherent = true;
  readonly pasidExec = false;
  readonly pasidPriv = false;

  constructor(requester: Requester) {
    this.requester = requester;
  }

  get name(): string {
    return this.requester.name;
  }
  get iommu(): object {
    return this.requester.unit;
  }
  get canEnforceCoherency(): boolean {
    return this.requester.unit.enforcesSnoop;
  }
  get dirtyTracking(): boolean {
    return this.requester.unit.dirtyTracking;
  }
  get ats(): boolean {
    return this.requester.capabilities.pri;
  }
  get maxPasids(): number {
    const { capabilities, unit } = this.requester;
    return capabilities.pasid ? 2 ** unit.pasidBits : 0;
  }
  get reserved(): readonly IovaRange[] {
    return this.requester.unit.reserved;
  }
}

function vtdDevice(device: DriverDevice): VtdDevice {
  if (!(device instanceof VtdDevice)) throw new Error(`${device.name} is not behind VT-d`);
  return device;
}

function paging(device: DriverDevice, flags: number, data: UserData | undefined): DriverPaging {
  const { unit } = vtdDevice(device).requester;
  const dirty = (flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING) !== 0;
  const nest = (flags & IOMMU_HWPT_ALLOC_NEST_PARENT) !== 0;
  const known = IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_PASID;
  if (flags & ~known || data || (dirty && !unit.dirtyTracking) || (nest && unit.hardwareNesting === 0)) {
    throw new Errno('EOPNOTSUPP', `${unit.name} supports no paging domain with flags 0x${flags.toString(16)}`);
  }
  return new VtdPaging(unit, dirty);
}

function hwInfo(device: DriverDevice, type: number): { type: number; bytes: Uint8Array } {
  if (type !== IOMMU_HW_INFO_TYPE_DEFAULT && type !== IOMMU_HW_INFO_TYPE_INTEL_VTD) {
    throw new Errno('EOPNOTSUPP', `VT-d has no information of type ${type}`);
  }
  const { unit } = vtdDevice(device).requester;
  const bytes = new Uint8Array(iommu_hw_info_vtd.size);
  const view = new DataView(bytes.buffer);
  iommu_hw_info_vtd.set.cap_reg(view, capabilityRegister(unit));
  iommu_hw_info_vtd.set.ecap_reg(view, extendedCapabilityRegister(unit));
  return { type: IOMMU_HW_INFO_TYPE_INTEL_VTD, bytes };
}

export const VTD: IommuDriver = {
  name: 'intel-iommu',
  userPasidTable: false,
  extended: true,
  paging,
  hwInfo,
  attach(device: DriverDevice, pasid: number, domain: DriverDomain | undefined): void {
    const { requester } = vtdDevice(device);
    const user = pasid === 0 ? undefined : pasid;
    if (!domain) detach(requester, user);
    else if (!(domain instanceof VtdPaging))
      throw new Errno('EINVAL', `${device.name} cannot use a domain of another kind`);
    else if (routeOf(requester, user)) replace(requester, user, { domain });
    else attach(requester, user, { domain });
  },
};
