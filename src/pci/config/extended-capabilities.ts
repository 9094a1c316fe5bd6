/**
 * Extended capabilities, from offset 0x100 of a PCI Express function's configuration space on
 * (PCI Express Base Specification, chapters 7, 9 and 10: the sections are named as here).
 */
import type { Capability, Register } from './capability.js';

export const EXTENDED = {
  AER: 0x01,
  DSN: 0x03,
  ACS: 0x0d,
  ARI: 0x0e,
  ATS: 0x0f,
  SRIOV: 0x10,
  PRI: 0x13,
  LTR: 0x18,
  PASID: 0x1b,
} as const;

/** Advanced error reporting. */
export function advancedErrors(): Capability {
  // The errors that a function without ports can have.
  const [uncorrectable, severe, correctable, advisory] = [0x0037_f010, 0x0006_2010, 0xf1c1, 0x2000];
  return {
    ...{ id: EXTENDED.AER, version: 2, size: 0x48 },
    registers: [
      { offset: 0x04, width: 4, value: 0, clearable: uncorrectable },
      { offset: 0x08, width: 4, value: 0, writable: uncorrectable },
      { offset: 0x0c, width: 4, value: severe, writable: uncorrectable },
      { offset: 0x10, width: 4, value: 0, clearable: correctable },
      { offset: 0x14, width: 4, value: advisory, writable: correctable },
      // ECRC can be made and checked.
      { offset: 0x18, width: 4, value: 0xa0, writable: 0x140 },
    ],
  };
}

/** Device serial number. @param serial EUI-64 */
export function serialNumber(serial: bigint): Capability {
  return { ...{ id: EXTENDED.DSN, version: 1, size: 12 }, registers: [{ offset: 4, width: 8, value: serial }] };
}

/** Access control services of an endpoint that sends nothing to its peers. */
export function accessControl(): Capability {
  return { ...{ id: EXTENDED.ACS, version: 1, size: 8 }, registers: [{ offset: 4, width: 4, value: 0 }] };
}

/** Alternative routing-ID interpretation. @param next number of the next function; 0: none */
export function alternativeRouting(next: number): Capability {
  return { ...{ id: EXTENDED.ARI, version: 1, size: 8 }, registers: [{ offset: 4, width: 2, value: next << 8 }] };
}

/** Address translation services. */
export function addressTranslation(): Capability {
  const PAGE_ALIGNED = 0x20;
  return {
    ...{ id: EXTENDED.ATS, version: 1, size: 8 },
    registers: [
      { offset: 4, width: 2, value: PAGE_ALIGNED },
      { offset: 6, width: 2, value: 0, writable: 0x801f },
    ],
  };
}

/** Page request interface. @param requests how many can be outstanding */
export function pageRequests(requests: number): Capability {
  const STOPPED = 0x100;
  return {
    ...{ id: EXTENDED.PRI, version: 1, size: 16 },
    registers: [
      { offset: 4, width: 2, value: 0, writable: 1 },
      { offset: 6, width: 2, value: STOPPED, clearable: 3 },
      { offset: 8, width: 4, value: requests },
      { offset: 12, width: 4, value: 0, writable: 0xffff_ffff },
    ],
  };
}

/** Latency tolerance reporting. */
export function latencyTolerance(): Capability {
  return {
    ...{ id: EXTENDED.LTR, version: 1, size: 8 },
    registers: [{ offset: 4, width: 4, value: 0, writable: 0x1fff_1fff }],
  };
}

/** Process address space IDs. @param bits width of a PASID, 1 to 20 */
export function processAddressSpaces(bits: number): Capability {
  return {
    ...{ id: EXTENDED.PASID, version: 1, size: 8 },
    registers: [
      { offset: 4, width: 2, value: bits << 8 },
      { offset: 6, width: 2, value: 0, writable: 1 },
    ],
  };
}

/** What SR-IOV says of a physical function and its virtual functions. */
export interface SriovLayout {
  readonly totalVfs: number;
  /** Routing ID of the first VF, from the PF's; and from one VF to the next. */
  readonly firstVfOffset: number;
  readonly vfStride: number;
  /** Device ID of the VFs. */
  readonly vfDevice: number;
  /** The BARs of each VF. @property size bytes; @property wide 64-bit */
  readonly vfBars: readonly { readonly index: number; readonly size: number; readonly wide: boolean }[];
}

/** Registers of the SR-IOV capability. */
export const SRIOV = {
  ...{ CONTROL: 0x08, TOTAL_VFS: 0x0e, NUM_VFS: 0x10, FIRST_VF_OFFSET: 0x14, VF_STRIDE: 0x16, VF_DEVICE: 0x1a },
  ...{ VF_ENABLE: 1, VF_MEMORY: 8 },
} as const;

/** Single root I/O virtualization. */
export function singleRootVirtualization(layout: SriovLayout): Capability {
  return {
    ...{ id: EXTENDED.SRIOV, version: 1, size: 0x40 },
    registers: [
      { offset: SRIOV.CONTROL, width: 2, value: 0, writable: 0x19 },
      { offset: 0x0c, width: 2, value: layout.totalVfs },
      { offset: SRIOV.TOTAL_VFS, width: 2, value: layout.totalVfs },
      { offset: SRIOV.NUM_VFS, width: 2, value: 0, writable: 0xffff },
      { offset: SRIOV.FIRST_VF_OFFSET, width: 2, value: layout.firstVfOffset },
      { offset: SRIOV.VF_STRIDE, width: 2, value: layout.vfStride },
      { offset: SRIOV.VF_DEVICE, width: 2, value: layout.vfDevice },
      // Page sizes: 4K, 8K, 64K, 256K, 1M and 4M can be chosen, 4K is.
      { offset: 0x1c, width: 4, value: 0x553 },
      { offset: 0x20, width: 4, value: 1, writable: 0x553 },
      ...layout.vfBars.map(
        ({ index, size, wide }): Register => ({
          ...{ offset: 0x24 + index * 4, width: wide ? 8 : 4, value: wide ? 4 : 0 },
          writable: BigInt.asUintN(wide ? 64 : 32, -BigInt(size)),
        }),
      ),
    ],
  };
}
