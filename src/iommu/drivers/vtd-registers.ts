/** The capability registers of a VT-d unit, as its description says what it can (VT-d specification, 11.4.2 and 11.4.3). */
import type { IommuUnit } from '../unit.js';

const PAGES_2M = 1n << 21n;
const PAGES_1G = 1n << 30n;

/** CAP_REG: address widths, large pages, number of domains and of fault records. */
export function capabilityRegister({ addressWidth, pageSizes }: IommuUnit): bigint {
  const domains = 6n; // 2^(4 + 2×6) domain ids
  const width = BigInt(addressWidth - 1) << 16n;
  // Bit 9: three levels, bit 10: four, bit 11: five.
  const levels = (addressWidth >= 57 ? 0xcn : addressWidth >= 48 ? 0x4n : 0x2n) << 8n;
  const large = ((pageSizes & PAGES_2M ? 1n : 0n) | (pageSizes & PAGES_1G ? 2n : 0n)) << 34n;
  const faultRecordOffset = 0x22n << 24n;
  const invalidatesPages = 1n << 39n;
  const maximumMask = 18n << 48n;
  const drains = 3n << 54n;
  return domains | levels | width | faultRecordOffset | large | invalidatesPages | maximumMask | drains;
}

/** ECAP_REG: coherency, queued invalidation, interrupt remapping, snooping, nesting, PASIDs, page requests. */
export function extendedCapabilityRegister(unit: IommuUnit): bigint {
  const coherent = 1n;
  const queuedInvalidation = 1n << 1n;
  const deviceIotlb = 1n << 2n;
  const interruptRemapping = 1n << 3n;
  const extendedInterrupts = 1n << 4n;
  const iotlbOffset = 0xfn << 8n;
  const maximumHandleMask = 0xfn << 20n;
  let bits = coherent | queuedInvalidation | deviceIotlb | interruptRemapping | extendedInterrupts;
  bits |= iotlbOffset | maximumHandleMask;
  if (unit.enforcesSnoop) bits |= 1n << 7n;
  if (unit.hardwareNesting > 0) bits |= 1n << 26n;
  if (unit.pasidBits > 0) bits |= (1n << 29n) | (BigInt(unit.pasidBits - 1) << 35n) | (1n << 40n) | (1n << 43n);
  if (unit.dirtyTracking) bits |= 1n << 45n;
  return bits;
}
