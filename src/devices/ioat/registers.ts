/**
 * Registers of Intel's CBDMA (QuickData Technology), PCI device 0x2021, version 3.3 (Intel Xeon Scalable datasheet, volume 2,
 * "Crystal Beach DMA"): those of the device, then those of its only channel.
 */
export const IOAT = {
  /** Number of channels. */
  CHANCNT: 0x00,
  /** Largest transfer: log2 of bytes. */
  XFERCAP: 0x01,
  INTRCTRL: 0x03,
  /** Version: major in the upper four bits. */
  CBVER: 0x08,
  DMACAPABILITY: 0x10,
  CHANCTRL: 0x80,
  CHANCMD: 0x84,
  /** Descriptors to do since the chain began, modulo 2^16: the doorbell. */
  DMACOUNT: 0x86,
  /** State in the lowest three bits; above, the address of the last descriptor that completed. */
  CHANSTS: 0x88,
  CHAINADDR: 0x90,
  /** Where completions are written by DMA. */
  CHANCMP: 0x98,
  CHANERR: 0xa8,
} as const;

export const INTRCTRL = { MASTER_ENABLE: 1, MSIX_VECTORS: 8 } as const;
export const CHANCMD = { SUSPEND: 0x04, RESET: 0x20 } as const;
/** Block fill is among the operations. */
export const CAPABILITY_FILL = 0x40;

export const CHANSTS = { ACTIVE: 0, DONE: 1, SUSPENDED: 2, HALTED: 3, ARMED: 4 } as const;
export type ChannelState = (typeof CHANSTS)[keyof typeof CHANSTS];

/** Bits of CHANERR. */
export const CHANERR = { SOURCE: 0x1, TARGET: 0x2, DESCRIPTOR: 0x100, CONTROL: 0x400, COMPLETION: 0x1000 } as const;

/** Registers in configuration space: errors of the channel, and of DMA; ones clear. */
export const CONFIG = { DMAUNCERRSTS: 0x148, CHANERR_INT: 0x180 } as const;
