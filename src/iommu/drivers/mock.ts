/**
 * The IOMMU of Linux's own tests (drivers/iommu/iommufd/selftest.c): pages of 2 KiB in AMD's table format, an aperture of 2
 * GiB, a nested domain with an IOTLB of four entries that only invalidation changes, a virtual IOMMU with events and
 * queues. It does no DMA; what it would reach is looked up.
 */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD } from '../../abi/iommufd.js';
import {
  iommu_hwpt_invalidate_selftest,
  iommu_hwpt_selftest,
  iommu_test_hw_info,
  IOMMUFD_TEST as T,
} from '../../abi/iommufd-test.js';
import type {
  AttachTarget,
  DriverDevice,
  DriverDomain,
  DriverNested,
  DriverPaging,
  Invalidated,
  IommuDriver,
  UserArray,
  UserData,
  ViommuHost,
} from '../driver.js';
import { MockViommu } from './mock-viommu.js';

/** Every power of two from the granule to what the output address can hold: the contiguous entries of AMD's format. */
const DEFAULT_SIZES = (1n << 37n) - BigInt(T.MOCK_PAGE_SIZE);
const HUGE_SIZES = BigInt(T.MOCK_HUGE_PAGE_SIZE) | 4096n;
/** Width of an address of the format, bits. */
const ADDRESS_BITS = 56n;
const PAGING_FLAGS =
  IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMUFD.IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMUFD.IOMMU_HWPT_ALLOC_PASID;

/** The one IOMMU that all mock devices are behind. */
const MOCK_IOMMU = {};

/** A mock device. */
export class MockDevice implements DriverDevice {
  readonly name: string;
  readonly driver: IommuDriver = MOCK_DRIVER;
  readonly source = undefined;
  readonly iommu = MOCK_IOMMU;
  readonly coherent = true;
  readonly canEnforceCoherency = false;
  readonly dirtyTracking: boolean;
  readonly ats = false;
  readonly maxPasids: number;
  readonly pasidExec = false;
  readonly pasidPriv = false;
  readonly reserved = [];
  /** Cached translations, which a virtual IOMMU's user invalidates. */
  readonly cache = new Uint32Array(T.MOCK_DEV_CACHE_NUM).fill(T.IOMMU_TEST_DEV_CACHE_DEFAULT);
  /** Where requests without PASID go: the virtual IOMMU of that domain, and the device's number there. */
  viommu: MockViommu | undefined;
  virtId = 0n;
  /** The next set of the special PASID fails. */
  failNext = false;

  /** @param flags MOCK_FLAGS_DEVICE_*. @throws EINVAL others */
  constructor(name: string, flags: number) {
    if ((flags & ~(T.MOCK_FLAGS_DEVICE_NO_DIRTY | T.MOCK_FLAGS_DEVICE_PASID)) !== 0) {
      throw new Errno('EINVAL', `unknown device flags 0x${flags.toString(16)}`);
    }
    this.name = name;
    this.dirtyTracking = (flags & T.MOCK_FLAGS_DEVICE_NO_DIRTY) === 0;
    this.maxPasids = flags & T.MOCK_FLAGS_DEVICE_PASID ? 1 << T.MOCK_PASID_WIDTH : 0;
  }
}

/** A nested domain: its IOTLB is preset, and only invalidation changes it. */
export class MockNested implements DriverNested {
  readonly kind = 'nested';
  readonly driver: IommuDriver = MOCK_DRIVER;
  readonly translation = undefined;
  readonly iotlb: Uint32Array;
  readonly viommu: MockViommu | undefined;

  /** @throws EOPNOTSUPP, EINVAL, EFAULT */
  constructor(data: UserData, viommu: MockViommu | undefined) {
    if (data.type !== T.IOMMU_HWPT_DATA_SELFTEST) throw unknownType('hwpt data', data.type);
    const config = data.read(iommu_hwpt_selftest.offset.pagetable_type, iommu_hwpt_selftest.size);
    this.iotlb = new Uint32Array(T.MOCK_NESTED_DOMAIN_IOTLB_NUM).fill(iommu_hwpt_selftest.get.iotlb(config));
    this.viommu = viommu;
  }

  invalidate(array: UserArray): Invalidated {
    const { size, get } = iommu_hwpt_invalidate_selftest;
    if (array.type !== T.IOMMU_HWPT_INVALIDATE_DATA_SELFTEST) {
      return { done: 0, error: new Errno('EINVAL', `unknown invalidation type 0x${array.type.toString(16)}`) };
    }
    for (let done = 0; done < array.entries; done++) {
      try {
        const entry = array.read(done, size, size);
        const flags = get.flags(entry);
        if (flags & ~T.IOMMU_TEST_INVALIDATE_FLAG_ALL) throw new Errno('EOPNOTSUPP', `unknown flags in entry ${done}`);
        const index = get.iotlb_id(entry);
        if (index >= this.iotlb.length) throw new Errno('EINVAL', `IOTLB entry ${index} does not exist`);
        if (flags & T.IOMMU_TEST_INVALIDATE_FLAG_ALL) this.iotlb.fill(0);
        else this.iotlb[index] = 0;
      } catch (error) {
        if (error instanceof Errno) return { done, error };
        throw error;
      }
    }
    return { done: array.entries };
  }
}

function unknownType(what: string, type: number): Errno {
  return new Errno('EOPNOTSUPP', `the mock IOMMU knows no ${what} type 0x${type.toString(16)}`);
}

function mockDevice(device: DriverDevice): MockDevice {
  if (!(device instanceof MockDevice)) throw new Error(`${device.name} is no mock device`);
  return device;
}

function paging(device: DriverDevice, flags: number, data: UserData | undefined): DriverPaging {
  const dirtyTracking = (flags & IOMMUFD.IOMMU_HWPT_ALLOC_DIRTY_TRACKING) !== 0;
  if ((flags & ~PAGING_FLAGS) !== 0 || (dirtyTracking && !device.dirtyTracking)) {
    throw new Errno('EOPNOTSUPP', `${device.name} supports no paging domain with flags 0x${flags.toString(16)}`);
  }
  let huge = false;
  if (data) {
    if (data.type !== T.IOMMU_HWPT_DATA_SELFTEST && data.type !== 0) throw unknownType('hwpt data', data.type);
    if (data.type !== T.IOMMU_HWPT_DATA_SELFTEST) throw new Errno('EINVAL', 'hwpt data without a type');
    const config = data.read(iommu_hwpt_selftest.offset.pagetable_type, iommu_hwpt_selftest.size);
    const type = iommu_hwpt_selftest.get.pagetable_type(config);
    if (type > T.MOCK_IOMMUPT_HUGE) throw unknownType('page table', type);
    huge = type === T.MOCK_IOMMUPT_HUGE;
  }
  return {
    kind: 'paging',
    driver: MOCK_DRIVER,
    pageSizes: huge ? HUGE_SIZES : DEFAULT_SIZES,
    aperture: huge
      ? { start: 0n, last: (1n << ADDRESS_BITS) - 1n }
      : { start: BigInt(T.MOCK_APERTURE_START), last: BigInt(T.MOCK_APERTURE_LAST) },
    dirtyTracking,
    enforceCoherency: false,
  };
}

/** A set of the special PASID fails every second time, unless it was blocked in between. @throws ENOMEM */
function failSpecialPasid(device: MockDevice, pasid: number, domain: DriverDomain | undefined): void {
  if (pasid !== T.IOMMU_TEST_PASID_RESERVED) return;
  const fails = domain !== undefined && device.failNext;
  device.failNext = domain !== undefined && !fails;
  if (fails) throw new Errno('ENOMEM', `PASID ${pasid} of a mock device fails every second time`);
}

function attach(from: DriverDevice, pasid: number, target: AttachTarget | undefined): void {
  const device = mockDevice(from);
  const domain = target?.domain;
  if (pasid !== 0) {
    failSpecialPasid(device, pasid, domain);
    return;
  }
  if (domain?.kind === 'paging' && domain.dirtyTracking && !device.dirtyTracking) {
    throw new Errno('EINVAL', `${device.name} cannot track dirty pages, and the domain does`);
  }
  const viommu = domain instanceof MockNested ? domain.viommu : undefined;
  let virtId = 0n;
  if (viommu) {
    const found = viommu.host.virtId(device);
    if (found === undefined)
      throw new Errno('ENOENT', `${device.name} has no vdevice in the virtual IOMMU of the domain`);
    virtId = found;
  }
  if (viommu !== device.viommu) {
    device.viommu = viommu;
    device.virtId = virtId;
  }
}

export const MOCK_DRIVER: IommuDriver = {
  name: 'mock',
  userPasidTable: true,
  extended: true,
  hwInfo(device, type) {
    if (type !== IOMMUFD.IOMMU_HW_INFO_TYPE_DEFAULT && type !== T.IOMMU_HW_INFO_TYPE_SELFTEST) {
      throw unknownType('hardware information', type);
    }
    mockDevice(device);
    const view = new DataView(new ArrayBuffer(iommu_test_hw_info.size));
    iommu_test_hw_info.set.test_reg(view, T.IOMMU_HW_INFO_SELFTEST_REGVAL);
    return { type: T.IOMMU_HW_INFO_TYPE_SELFTEST, bytes: new Uint8Array(view.buffer) };
  },
  paging,
  nested(device, _parent, flags, data) {
    if (flags & ~IOMMUFD.IOMMU_HWPT_ALLOC_PASID) {
      throw new Errno('EOPNOTSUPP', `${device.name} supports no nested domain with flags 0x${flags.toString(16)}`);
    }
    return new MockNested(data, undefined);
  },
  hasViommu: (_device, type) => type === T.IOMMU_VIOMMU_TYPE_SELFTEST,
  viommu: (_device: DriverDevice, host: ViommuHost, data: UserData | undefined) =>
    new MockViommu(host, data, (own, viommu) => new MockNested(own, viommu)),
  attach,
};
