/** The capability registers of a VT-d unit (VT-d specification, 11.4.2 and 11.4.3), from what it can. */
import type { IommuUnit } from '../unit.js';

/** One field of a register: its lowest bit, and its value. */
type Field = readonly [bit: number, value: number | boolean];

function register(fields: readonly Field[]): bigint {
  let value = 0n;
  for (const [bit, field] of fields) value |= BigInt(field) << BigInt(bit);
  return value;
}

/** Bit of a unit's table formats: five levels. */
const FIVE_LEVEL_FORMAT = 1n << 1n;
const SIZE_2M = 1n << 21n;
const SIZE_1G = 1n << 30n;
/** Domains that a unit tells apart: 2^16. */
const DOMAINS_64K = 6;
/** Second-level tables of 3, 4 and 5 levels: 39, 48 and 57 bits. */
const [THREE_LEVELS, FOUR_LEVELS, FIVE_LEVELS] = [1 << 1, 1 << 2, 1 << 3];

function levels(addressWidth: number): number {
  if (addressWidth <= 39) return THREE_LEVELS;
  return addressWidth > 48 ? FOUR_LEVELS | FIVE_LEVELS : FOUR_LEVELS;
}

/** CAP_REG and ECAP_REG. */
export function capabilityRegisters(unit: IommuUnit): { readonly capability: bigint; readonly extended: bigint } {
  const nests = unit.hardwareNesting > 0;
  return {
    capability: register([
      [0, DOMAINS_64K],
      [8, levels(unit.addressWidth)],
      [16, unit.addressWidth - 1],
      [34, (unit.pageSizes & SIZE_2M) !== 0n],
      [35, (unit.pageSizes & SIZE_1G) !== 0n],
      [39, true],
      [56, nests],
      [60, (unit.tableFormats & FIVE_LEVEL_FORMAT) !== 0n],
    ]),
    extended: register([
      [0, true],
      [1, true],
      [3, true],
      [4, true],
      [6, true],
      [7, unit.enforcesSnoop],
      [26, nests],
      [29, true],
      [35, Math.max(0, unit.pasidBits - 1)],
      [40, unit.pasidBits > 0],
      [43, true],
      [45, unit.dirtyTracking],
      [46, true],
      [47, nests],
    ]),
  };
}
