/** The capabilities of the first 256 bytes of configuration space, each built from what makes functions differ. */
import type { Capability } from './capability.js';

export const CAPABILITY = { PM: 0x01, MSI: 0x05, VENDOR: 0x09, EXPRESS: 0x10, MSIX: 0x11, AF: 0x13 } as const;

/** Registers of power management: control, whose low bits are the state, D0 to D3hot. */
export const PM = { CONTROL: 4, STATE: 3 } as const;

/** Power management (PCI Bus Power Management Interface Specification 1.2, 3.2). D3hot keeps the function's state. */
export function powerManagement(): Capability {
  const NO_SOFT_RESET = 8;
  return {
    id: CAPABILITY.PM,
    size: 8,
    registers: [
      { offset: 2, width: 2, value: 3 },
      // Power state.
      { offset: 4, width: 2, value: NO_SOFT_RESET, writable: 3 },
    ],
  };
}

/** Registers of the MSI capability: with a 64-bit address, and with per-vector masks. */
export const MSI = { CONTROL: 2, ADDRESS: 4, DATA: 0x0c, MASK: 0x10, PENDING: 0x14, ENABLE: 1 } as const;

/** MSI with a 64-bit address and a mask bit a vector (PCI 3.0, 6.8.1). @param vectors 1, 2, 4, 8, 16 or 32 */
export function messageSignalledInterrupts(vectors: number): Capability {
  const [ADDRESS_64, MASKS] = [0x80, 0x100];
  const all = 2 ** vectors - 1;
  return {
    id: CAPABILITY.MSI,
    size: 0x18,
    registers: [
      { offset: MSI.CONTROL, width: 2, value: ADDRESS_64 | MASKS | (Math.log2(vectors) << 1), writable: 0x71 },
      { offset: MSI.ADDRESS, width: 8, value: 0, writable: 0xffff_ffff_ffff_fffcn },
      { offset: MSI.DATA, width: 2, value: 0, writable: 0xffff },
      { offset: MSI.MASK, width: 4, value: 0, writable: all },
      { offset: MSI.PENDING, width: 4, value: 0 },
    ],
  };
}

/** Registers of the MSI-X capability. */
export const MSIX = { CONTROL: 2, TABLE: 4, PENDING: 8, ENABLE: 0x8000, FUNCTION_MASK: 0x4000 } as const;

/** Where the table and the pending bits of MSI-X are. */
export interface MsixPlace {
  /** 1 to 2048. */
  readonly vectors: number;
  /** Index of the BAR. */
  readonly bar: number;
  /** Bytes from the BAR's start, multiples of 8. */
  readonly table: number;
  readonly pending: number;
}

/** MSI-X (PCI 3.0, 6.8.2). */
export function msix({ vectors, bar, table, pending }: MsixPlace): Capability {
  return {
    id: CAPABILITY.MSIX,
    size: 12,
    registers: [
      { offset: MSIX.CONTROL, width: 2, value: vectors - 1, writable: MSIX.ENABLE | MSIX.FUNCTION_MASK },
      { offset: MSIX.TABLE, width: 4, value: table | bar },
      { offset: MSIX.PENDING, width: 4, value: pending | bar },
    ],
  };
}

/** Registers of the PCI Express capability. */
export const EXPRESS = { FLAGS: 2, DEVICE_CAPABILITIES: 4, DEVICE_CONTROL: 8, INITIATE_FLR: 0x8000 } as const;

/** Device/port types (PCI Express Base Specification, 7.5.3.2). */
export const EXPRESS_TYPE = { ENDPOINT: 0, INTEGRATED_ENDPOINT: 9 } as const;

/** PCI Express, version 2 (PCI Express Base Specification, 7.5.3). @param flr the function can be reset alone */
export function express(type: (typeof EXPRESS_TYPE)[keyof typeof EXPRESS_TYPE], flr: boolean): Capability {
  const [ROLE_BASED_ERRORS, EXTENDED_TAG, FLR] = [0x8000, 0x20, 0x1000_0000];
  // 8 GT/s, four lanes; an integrated endpoint has no link.
  const link = type === EXPRESS_TYPE.ENDPOINT ? { capability: 0x0043, status: 0x0043 } : { capability: 0, status: 0 };
  return {
    id: CAPABILITY.EXPRESS,
    size: 0x3c,
    registers: [
      { offset: EXPRESS.FLAGS, width: 2, value: 2 | (type << 4) },
      { offset: EXPRESS.DEVICE_CAPABILITIES, width: 4, value: ROLE_BASED_ERRORS | EXTENDED_TAG | (flr ? FLR : 0) },
      // Payload 128 bytes, read requests 512 bytes. Relaxed ordering and no-snoop are on after power-on.
      { offset: EXPRESS.DEVICE_CONTROL, width: 2, value: 0x2810, writable: 0x78ff | 0x0900 },
      { offset: 0x0a, width: 2, value: 0, clearable: 0x0f },
      { offset: 0x0c, width: 4, value: link.capability },
      { offset: 0x10, width: 2, value: 0, writable: type === EXPRESS_TYPE.ENDPOINT ? 0x01fb : 0 },
      { offset: 0x12, width: 2, value: link.status },
      // Completion timeouts can be disabled, latency tolerance can be reported.
      { offset: 0x24, width: 4, value: 0x0810 },
      { offset: 0x28, width: 2, value: 0, writable: 0x0410 },
      { offset: 0x2c, width: 4, value: type === EXPRESS_TYPE.ENDPOINT ? 0x0e : 0 },
      {
        ...{ offset: 0x30, width: 2 },
        ...(type === EXPRESS_TYPE.ENDPOINT ? { value: 3, writable: 0x0f } : { value: 0 }),
      },
    ],
  };
}

/** Advanced Features: function-level reset of a conventional function (PCI-SIG ECN Advanced Capabilities, 2006). */
export function advancedFeatures(): Capability {
  const [TRANSACTIONS_PENDING, FLR] = [1, 2];
  return {
    id: CAPABILITY.AF,
    size: 6,
    registers: [
      { offset: 2, width: 1, value: 6 },
      { offset: 3, width: 1, value: TRANSACTIONS_PENDING | FLR },
      { offset: AF.CONTROL, width: 1, value: 0 },
      { offset: 5, width: 1, value: 0 },
    ],
  };
}

/** Registers of the Advanced Features capability. */
export const AF = { CONTROL: 4, INITIATE_FLR: 1 } as const;
