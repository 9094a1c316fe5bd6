/** A unit, and functions behind it, for tests of what is above them. */
import { PasidTable } from '../src/iommu/pasid-table.js';
import { IommuGroup, Requester, type RequesterCapabilities } from '../src/iommu/requester.js';
import type { IommuUnit } from '../src/iommu/unit.js';

/** A unit that can everything. */
export const UNIT: IommuUnit = {
  ...{ name: 'vtd0', index: 0, enforcesSnoop: true, hardwareNesting: 1, softwareNesting: 1, pasidBits: 20 },
  ...{ addressWidth: 48, pageSizes: 4096n, tableFormats: 1n, dirtyTracking: true, reserved: [] },
};

interface Options extends Partial<RequesterCapabilities> {
  readonly group?: IommuGroup;
  readonly table?: PasidTable;
  readonly unit?: IommuUnit;
}

/** A function, with PASIDs and page requests, in a group of its own if none is given. */
export function requester(name: string, options: Options = {}): Requester {
  const { group = new IommuGroup(1), table = new PasidTable(), unit = UNIT, ...more } = options;
  return new Requester(name, unit, group, { noSnoop: false, pasid: true, pri: true, enqcmd: false, ...more }, table);
}
