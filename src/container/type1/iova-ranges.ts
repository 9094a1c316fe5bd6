/** Where a container may map (linux-vfio.md, 4.6): the apertures of all its groups without what they reserve. */
import { larger, PAGE_SIZE, smaller, U64_MAX } from '../../abi/address.js';
import { type IommuUnit, type IovaRange, permittedRanges } from '../../iommu/unit.js';

/** What both lists permit, in rising order. */
function intersection(a: readonly IovaRange[], b: readonly IovaRange[]): IovaRange[] {
  const both: IovaRange[] = [];
  for (const x of a) {
    for (const y of b) {
      const start = larger(x.start, y.start);
      const last = smaller(x.last, y.last);
      if (start <= last) both.push({ start, last });
    }
  }
  return both;
}

/** The permitted ranges of a container with groups behind these units; none: every address. */
export function usableRanges(units: Iterable<IommuUnit>): IovaRange[] {
  let ranges: IovaRange[] = [{ start: 0n, last: U64_MAX }];
  for (const unit of units) ranges = intersection(ranges, permittedRanges(unit));
  return ranges;
}

/** Page sizes without those below the CPU's page, which are as good as one of it. */
export function atLeastPages(sizes: bigint): bigint {
  const small = sizes & BigInt(PAGE_SIZE - 1);
  return small === 0n ? sizes : (sizes & ~BigInt(PAGE_SIZE - 1)) | BigInt(PAGE_SIZE);
}
