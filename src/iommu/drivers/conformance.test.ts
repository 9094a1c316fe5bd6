/** What every driver of an IOMMU promises (driver.ts), for each that there is. */
import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { Errno } from '../../abi/errno.js';
import { IOMMUFD } from '../../abi/iommufd.js';
import { IOMMUFD_TEST, iommu_hwpt_selftest } from '../../abi/iommufd-test.js';
import { DMA_FAULT, type Domain } from '../domain.js';
import type { AttachTarget, DriverDevice, DriverDomain, IommuDriver, UserArray, UserData } from '../driver.js';
import { PasidTable } from '../pasid-table.js';
import { IommuGroup, Requester } from '../requester.js';
import type { IommuUnit } from '../unit.js';
import { MOCK_DRIVER, MockDevice } from './mock.js';
import { VTD_DRIVER, VtdDevice } from './vtd.js';

interface Subject {
  readonly driver: IommuDriver;
  /** A device that can all that the driver can. */
  able(): DriverDevice;
  /** A device that cannot track dirty pages. */
  plain(): DriverDevice;
  /** Type of the data that a nested domain takes, and its size. */
  readonly nested: { readonly type: number; readonly size: number };
}

const unit = (dirtyTracking: boolean): IommuUnit => ({
  ...{ name: 'vtd0', index: 0, enforcesSnoop: true, hardwareNesting: 1, softwareNesting: 1, pasidBits: 20 },
  ...{ addressWidth: 48, pageSizes: 0x40201000n, tableFormats: 3n, dirtyTracking, reserved: [] },
});
let devices = 0;
function function_(dirtyTracking: boolean): VtdDevice {
  const capabilities = { noSnoop: false, pasid: true, pri: true, enqcmd: false };
  const group = new IommuGroup(++devices);
  return new VtdDevice(
    new Requester(`0000:01:00.${devices}`, unit(dirtyTracking), group, capabilities, new PasidTable()),
  );
}

const SUBJECTS: readonly Subject[] = [
  {
    driver: MOCK_DRIVER,
    able: () => new MockDevice('mock0', IOMMUFD_TEST.MOCK_FLAGS_DEVICE_PASID),
    plain: () => new MockDevice('mock1', IOMMUFD_TEST.MOCK_FLAGS_DEVICE_NO_DIRTY),
    nested: { type: IOMMUFD_TEST.IOMMU_HWPT_DATA_SELFTEST, size: iommu_hwpt_selftest.size },
  },
  {
    driver: VTD_DRIVER,
    able: () => function_(true),
    plain: () => function_(false),
    nested: { type: IOMMUFD.IOMMU_HWPT_DATA_VTD_S1, size: 24 },
  },
];

const nowhere: Domain = { enforceSnoop: false, translate: () => DMA_FAULT.NOT_MAPPED };
const target = (domain: DriverDomain): AttachTarget => ({ domain, route: { domain: nowhere } });
const array = (type: number): UserArray => ({
  type,
  entries: 1,
  read: (_index, _least, known) => new DataView(new ArrayBuffer(known)),
  readPadded: (_index, known) => new DataView(new ArrayBuffer(known)),
});
const data = (type: number, length: number): UserData => ({
  type,
  length,
  read(least, known) {
    if (length < least || length > known) throw new Errno('EINVAL', `${length} bytes`);
    return new DataView(new ArrayBuffer(known));
  },
  write: () => {},
});
const { IOMMU_HWPT_ALLOC_DIRTY_TRACKING: DIRTY, IOMMU_HWPT_ALLOC_NEST_PARENT: PARENT } = IOMMUFD;
const UNKNOWN = 0x8000_0000;

describe.each(SUBJECTS)('the driver $driver.name', ({ driver, able, plain, nested }) => {
  test('makes a paging domain of its own, with page sizes and an aperture that they divide', () => {
    const domain = driver.paging(able(), 0, undefined);
    expect([domain.kind, domain.driver, domain.dirtyTracking]).toEqual(['paging', driver, false]);
    expect(domain.pageSizes).toBeGreaterThan(0n);
    const smallest = domain.pageSizes & -domain.pageSizes;
    const { start, last } = domain.aperture;
    expect([start % smallest, (last + 1n) % smallest, last > start]).toEqual([0n, 0n, true]);
  });

  test('refuses flags that it does not know, and what the device cannot: EOPNOTSUPP', () => {
    expect(refused(() => driver.paging(able(), UNKNOWN, undefined))).toBe('EOPNOTSUPP');
    expect(refused(() => driver.paging(plain(), DIRTY, undefined))).toBe('EOPNOTSUPP');
    expect(driver.paging(able(), DIRTY, undefined).dirtyTracking).toBe(true);
  });

  test('refuses data of a type that is not its own', () => {
    expect(refused(() => driver.paging(able(), 0, data(0x7777, 4)))).toBe('EOPNOTSUPP');
    const device = able();
    const parent = { domain: driver.paging(device, PARENT, undefined), translation: nowhere };
    expect(refused(() => driver.nested?.(device, parent, 0, data(0x7777, nested.size)))).toBe('EOPNOTSUPP');
    expect(refused(() => driver.nested?.(device, parent, UNKNOWN, data(nested.type, nested.size)))).toBe('EOPNOTSUPP');
    expect(refused(() => driver.nested?.(device, parent, 0, data(nested.type, 1)))).toBe('EINVAL');
  });

  test('attaches, moves and blocks a device, as often as it is asked', () => {
    const device = able();
    const [one, two] = [driver.paging(device, 0, undefined), driver.paging(device, 0, undefined)];
    for (const to of [target(one), target(two), target(two), undefined, undefined, target(one)]) {
      expect(refused(() => driver.attach(device, 0, to))).toBe('ok');
    }
  });

  test('refuses a device that cannot do what the domain does, and leaves it where it was: EINVAL', () => {
    const device = plain();
    const base = target(driver.paging(device, 0, undefined));
    driver.attach(device, 0, base);
    const tracking = target(driver.paging(able(), DIRTY, undefined));
    expect(refused(() => driver.attach(device, 0, tracking))).toBe('EINVAL');
    if (device instanceof VtdDevice) expect(device.source.route).toBe(base.route);
    expect(refused(() => driver.attach(device, 0, base))).toBe('ok');
  });

  test('has hardware information under the default type and its own, and no other', () => {
    const device = able();
    const info = driver.hwInfo?.(device, IOMMUFD.IOMMU_HW_INFO_TYPE_DEFAULT);
    expect(info?.bytes.length).toBeGreaterThan(0);
    expect(driver.hwInfo?.(device, info?.type ?? 0)).toEqual(info);
    expect(refused(() => driver.hwInfo?.(device, 0x7777))).toBe('EOPNOTSUPP');
  });

  test('an invalidation of a type that is not its own does nothing: EINVAL', () => {
    const device = able();
    const parent = { domain: driver.paging(device, PARENT, undefined), translation: nowhere };
    const config = data(nested.type, nested.size);
    const read = config.read.bind(config);
    const valid: UserData = {
      ...config,
      read(least, known) {
        const view = read(least, known);
        // VT-d's addr_width; in the mock's struct it is the value of its IOTLB.
        if (known === nested.size && nested.size === 24) view.setUint32(16, 48, true);
        return view;
      },
    };
    const domain = driver.nested?.(device, parent, 0, valid);
    const answer = domain?.invalidate(array(0x7777));
    expect([answer?.done, answer?.error instanceof Errno && answer.error.code]).toEqual([0, 'EINVAL']);
  });
});
