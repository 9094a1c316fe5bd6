/** What the IOMMU units behind an address space's devices have in common: it limits what may be mapped. */
import { PAGE_SIZE, U64_MAX } from '../../abi/address.js';
import { type IommuUnit, type IovaRange, permittedRanges } from '../../iommu/unit.js';

export interface Constraints {
  /** Bitmap of page sizes, bytes. */
  readonly pageSizes: bigint;
  readonly tableFormats: bigint;
  /** Bits of an I/O virtual address. */
  readonly addressWidth: number;
  /** Permitted I/O virtual addresses, rising. */
  readonly ranges: readonly IovaRange[];
  readonly hardwareNesting: number;
  readonly softwareNesting: number;
  readonly enforcesSnoop: boolean;
  readonly dirtyTracking: boolean;
}

/** An ACCOUNTING_ROOT has no device: it holds any address of a process. */
export const ACCOUNTING_ROOT: Constraints = {
  pageSizes: BigInt(PAGE_SIZE),
  tableFormats: 0n,
  addressWidth: 64,
  ranges: [{ start: 0n, last: U64_MAX }],
  hardwareNesting: 0,
  softwareNesting: 1,
  enforcesSnoop: false,
  dirtyTracking: false,
};

/** The constraints that all units share; undefined without any unit. */
export function commonConstraints(units: Iterable<IommuUnit>): Constraints | undefined {
  let all: Constraints | undefined;
  const reserved: IovaRange[] = [];
  for (const unit of units) {
    reserved.push(...unit.reserved);
    const addressWidth = Math.min(all?.addressWidth ?? 64, unit.addressWidth);
    all = {
      pageSizes: (all?.pageSizes ?? -1n) & unit.pageSizes,
      tableFormats: (all?.tableFormats ?? -1n) & unit.tableFormats,
      addressWidth,
      ranges: permittedRanges({ addressWidth, reserved }),
      hardwareNesting: Math.min(all?.hardwareNesting ?? unit.hardwareNesting, unit.hardwareNesting),
      softwareNesting: Math.min(all?.softwareNesting ?? unit.softwareNesting, unit.softwareNesting),
      enforcesSnoop: (all?.enforcesSnoop ?? true) && unit.enforcesSnoop,
      dirtyTracking: (all?.dirtyTracking ?? true) && unit.dirtyTracking,
    };
  }
  return all;
}
