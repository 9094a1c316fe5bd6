/**
 * The driver of Intel VT-d units (Linux: drivers/iommu/intel): paging domains that the unit's page sizes and width allow,
 * nested domains over the program's own first-level tables, and the capability registers as hardware information.
 */
import { addressOfPage, hex, isPageAligned, PAGE_SHIFT, pageOf, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD, iommu_hw_info_vtd, iommu_hwpt_vtd_s1, iommu_hwpt_vtd_s1_invalidate } from '../../abi/iommufd.js';
import { attach, detach, replace, routeOf } from '../attach.js';
import type { Domain } from '../domain.js';
import type {
  AttachTarget,
  DriverDevice,
  DriverNested,
  DriverPaging,
  Invalidated,
  IommuDriver,
  NestParent,
  UserArray,
  UserData,
} from '../driver.js';
import { UserTable } from '../first-level/user-table.js';
import type { Requester } from '../requester.js';
import type { IommuUnit, IovaRange } from '../unit.js';
import { capabilityRegisters } from './vtd-registers.js';

const PAGING_FLAGS =
  IOMMUFD.IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMUFD.IOMMU_HWPT_ALLOC_PASID;
/** Width of a first-level table by its levels, bits. */
const WIDTHS: Readonly<Record<number, number>> = { 48: 4, 57: 5 };

/** A function behind a VT-d unit. */
export class VtdDevice implements DriverDevice {
  readonly name: string;
  readonly driver: IommuDriver = VTD_DRIVER;
  readonly source: Requester;
  readonly iommu: IommuUnit;
  readonly coherent = true;
  readonly canEnforceCoherency: boolean;
  readonly dirtyTracking: boolean;
  readonly ats: boolean;
  readonly maxPasids: number;
  readonly pasidExec = false;
  readonly pasidPriv = false;
  readonly reserved: readonly IovaRange[];

  constructor(requester: Requester) {
    const { unit, capabilities } = requester;
    this.name = requester.name;
    this.source = requester;
    this.iommu = unit;
    this.canEnforceCoherency = unit.enforcesSnoop;
    this.dirtyTracking = unit.dirtyTracking;
    // The page requests of PCI Express build on its address translation services.
    this.ats = capabilities.pri;
    this.maxPasids = capabilities.pasid && unit.pasidBits > 0 ? 2 ** unit.pasidBits : 0;
    this.reserved = unit.reserved;
  }
}

function vtdDevice(device: DriverDevice): VtdDevice {
  if (!(device instanceof VtdDevice)) throw new Error(`${device.name} is not behind a VT-d unit`);
  return device;
}

/** A paging domain: what the unit that it was made for can. */
class VtdPaging implements DriverPaging {
  readonly kind = 'paging';
  readonly driver: IommuDriver = VTD_DRIVER;
  readonly pageSizes: bigint;
  readonly aperture: IovaRange;
  readonly dirtyTracking: boolean;
  readonly enforceCoherency: boolean;

  constructor({ iommu: unit }: VtdDevice, dirtyTracking: boolean) {
    this.pageSizes = unit.pageSizes;
    this.aperture = { start: 0n, last: (1n << BigInt(unit.addressWidth)) - 1n };
    this.dirtyTracking = dirtyTracking;
    this.enforceCoherency = unit.enforcesSnoop;
  }

  /** Can another device use it? @throws EINVAL its unit lacks what the domain was made with */
  check(device: VtdDevice): void {
    const { iommu: unit } = device;
    const wrong =
      (this.enforceCoherency && !unit.enforcesSnoop && 'enforces snooping') ||
      (this.dirtyTracking && !unit.dirtyTracking && 'tracks dirty pages') ||
      ((this.pageSizes & ~unit.pageSizes) !== 0n && 'has larger pages') ||
      (this.aperture.last >> BigInt(unit.addressWidth) !== 0n && 'has wider addresses');
    if (wrong) throw new Errno('EINVAL', `the domain ${wrong}, which IOMMU ${unit.name} of ${device.name} cannot`);
  }
}

/** A nested domain: the program's first-level table, whose addresses go through the parent. */
class VtdNested implements DriverNested {
  readonly kind = 'nested';
  readonly driver: IommuDriver = VTD_DRIVER;
  readonly translation: Domain;
  readonly parent: VtdPaging;
  readonly #table: UserTable;

  constructor(parent: VtdPaging, below: Domain, table: UserTable) {
    this.parent = parent;
    this.#table = table;
    // One table for all PASIDs that it is attached to: what is remembered needs no number.
    this.translation = {
      enforceSnoop: parent.enforceCoherency,
      translate: (page, write, hit, who) => table.translate(page, write, hit, who, 0),
      // The program's table can name whatever the parent maps.
      follow: (caches, change) => below.follow?.(caches, change),
    };
  }

  invalidate(array: UserArray): Invalidated {
    const { size, get } = iommu_hwpt_vtd_s1_invalidate;
    if (array.type !== IOMMUFD.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1) {
      return { done: 0, error: new Errno('EINVAL', `unknown invalidation type ${hex(array.type)}`) };
    }
    for (let done = 0; done < array.entries; done++) {
      try {
        const entry = array.read(done, size, size);
        if (get.flags(entry) & ~IOMMUFD.IOMMU_VTD_INV_FLAGS_LEAF || get.__reserved(entry) !== 0) {
          throw new Errno('EOPNOTSUPP', `unknown flags in entry ${done}`);
        }
        this.#forget(get.addr(entry), get.npages(entry));
      } catch (error) {
        if (error instanceof Errno) return { done, error };
        throw error;
      }
    }
    return { done: array.entries };
  }

  /** @throws EINVAL */
  #forget(address: bigint, pages: bigint): void {
    if (!isPageAligned(address) || (pages === U64_MAX && address !== 0n)) {
      throw new Errno('EINVAL', `${hex(pages)} pages from ${hex(address)}`);
    }
    const all = pages === U64_MAX || pages >= addressOfPage(1);
    const first = pageOf(address);
    if (all) this.#table.invalidate(undefined, undefined);
    else this.#table.invalidate(undefined, undefined, { first, last: first + Number(pages) - 1 });
  }
}

function paging(device: DriverDevice, flags: number, data: UserData | undefined): DriverPaging {
  const vtd = vtdDevice(device);
  const nests = (flags & IOMMUFD.IOMMU_HWPT_ALLOC_NEST_PARENT) !== 0;
  const tracks = (flags & IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING) !== 0;
  if (data || flags & ~PAGING_FLAGS || (nests && vtd.iommu.hardwareNesting === 0) || (tracks && !vtd.dirtyTracking)) {
    throw new Errno('EOPNOTSUPP', `IOMMU ${vtd.iommu.name} has no such paging domain: flags ${hex(flags)}`);
  }
  return new VtdPaging(vtd, tracks);
}

function nested(device: DriverDevice, parent: NestParent, flags: number, data: UserData): DriverNested {
  const { iommu: unit } = vtdDevice(device);
  if (
    unit.hardwareNesting === 0 ||
    flags & ~IOMMUFD.IOMMU_HWPT_ALLOC_PASID ||
    data.type !== IOMMUFD.IOMMU_HWPT_DATA_VTD_S1
  ) {
    throw new Errno(
      'EOPNOTSUPP',
      `IOMMU ${unit.name} has no such nested domain: flags ${hex(flags)}, data ${data.type}`,
    );
  }
  if (!(parent.domain instanceof VtdPaging)) throw new Errno('EINVAL', 'the parent is of another kind of IOMMU');
  const { size, get } = iommu_hwpt_vtd_s1;
  const config = data.read(size, size);
  const addressWidth = get.addr_width(config);
  const levels = WIDTHS[addressWidth];
  const knows = levels !== undefined && ((unit.tableFormats >> BigInt(levels - 4)) & 1n) === 1n;
  if (!knows || get.__reserved(config) !== 0) {
    throw new Errno('EINVAL', `IOMMU ${unit.name} walks no tables of ${addressWidth} bits`);
  }
  const table = new UserTable(parent.translation, {
    address: (get.pgtbl_addr(config) >> BigInt(PAGE_SHIFT)) << BigInt(PAGE_SHIFT),
    levels,
    addressWidth,
    pasidBits: undefined,
  });
  return new VtdNested(parent.domain, parent.translation, table);
}

function setRoute(from: DriverDevice, pasid: number, target: AttachTarget | undefined): void {
  const device = vtdDevice(from);
  const { source } = device;
  const number = pasid === 0 ? undefined : pasid;
  if (!target) {
    detach(source, number);
    return;
  }
  const { domain, route } = target;
  const base = domain instanceof VtdNested ? domain.parent : domain;
  if (base instanceof VtdPaging) base.check(device);
  if (routeOf(source, number)) replace(source, number, route);
  else attach(source, number, route);
}

export const VTD_DRIVER: IommuDriver = {
  name: 'vtd',
  userPasidTable: false,
  extended: true,
  hwInfo(device, type) {
    if (type !== IOMMUFD.IOMMU_HW_INFO_TYPE_DEFAULT && type !== IOMMUFD.IOMMU_HW_INFO_TYPE_INTEL_VTD) {
      throw new Errno('EOPNOTSUPP', `VT-d has no hardware information of type ${hex(type)}`);
    }
    const { capability, extended } = capabilityRegisters(vtdDevice(device).iommu);
    const view = new DataView(new ArrayBuffer(iommu_hw_info_vtd.size));
    iommu_hw_info_vtd.set.cap_reg(view, capability);
    iommu_hw_info_vtd.set.ecap_reg(view, extended);
    return { type: IOMMUFD.IOMMU_HW_INFO_TYPE_INTEL_VTD, bytes: new Uint8Array(view.buffer) };
  },
  paging,
  nested,
  attach: setRoute,
};
