/**
 * A capability structure of configuration space as data: its registers, what they hold after power-on, and which bits
 * software can change (PCI Local Bus Specification 3.0, 6.7; PCI Express Base Specification, 7.6).
 */

/** A register of configuration space. */
export interface Register {
  /** From the first byte of the structure; of configuration space for a device-specific register. */
  readonly offset: number;
  /** Bytes. */
  readonly width: 1 | 2 | 4 | 8;
  /** After power-on. */
  readonly value: number | bigint;
  /** Bits that software reads and writes. */
  readonly writable?: number | bigint;
  /** Bits that software clears by writing ones. */
  readonly clearable?: number | bigint;
}

export interface Capability {
  /** Capability ID: 8 bits, or 16 bits of an extended one. */
  readonly id: number;
  /** In the extended space, from 0x100 on: the version, 4 bits. Undefined: in the first 256 bytes. */
  readonly version?: number;
  /** Bytes, header included. */
  readonly size: number;
  /** Where it has to be, in configuration space; not given: behind the one before. */
  readonly place?: number;
  /** Without the header. */
  readonly registers: readonly Register[];
}

/** A capability and where it is. */
export interface PlacedCapability {
  readonly capability: Capability;
  readonly offset: number;
}

const FIRST_STANDARD = 0x40;
const FIRST_EXTENDED = 0x100;

/**
 * Puts capabilities one behind the other, each at a multiple of 4 bytes (8 in the extended space).
 * @throws RangeError they do not fit, or an extended one has no place in 256 bytes
 */
export function placeCapabilities(capabilities: readonly Capability[], configSize: number): PlacedCapability[] {
  let standard = FIRST_STANDARD;
  let extended = FIRST_EXTENDED;
  return capabilities.map((capability) => {
    const isExtended = capability.version !== undefined;
    const offset = capability.place ?? (isExtended ? extended : standard);
    const end = offset + capability.size;
    const limit = isExtended ? configSize : FIRST_EXTENDED;
    if (end > limit) {
      throw new RangeError(
        `capability 0x${capability.id.toString(16)} of ${capability.size} bytes does not fit before 0x${limit.toString(16)}`,
      );
    }
    if (isExtended) extended = (end + 7) & ~7;
    else standard = (end + 3) & ~3;
    return { capability, offset };
  });
}
