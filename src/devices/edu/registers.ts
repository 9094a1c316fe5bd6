/** Registers of QEMU's "edu" device in BAR0 (QEMU's documentation, "EDU device"). Offsets and bits. */

export const EDU = {
  /** Read only: 0xRRrr00ed, major and minor version. */
  IDENTIFICATION: 0x00,
  /** Reads as the inversion of what was written last. */
  LIVENESS: 0x04,
  /** A number, in whose place its factorial comes. */
  FACTORIAL: 0x08,
  STATUS: 0x20,
  /** Read only: why the device interrupts. */
  INTERRUPT_STATUS: 0x24,
  /** Write only: these bits are set in the interrupt status. */
  INTERRUPT_RAISE: 0x60,
  /** Write only: these bits are cleared in it. */
  INTERRUPT_ACKNOWLEDGE: 0x64,
  DMA_SOURCE: 0x80,
  DMA_DESTINATION: 0x88,
  DMA_COUNT: 0x90,
  DMA_COMMAND: 0x98,
} as const;

export const STATUS = { COMPUTING: 0x01, INTERRUPT_AFTER_FACTORIAL: 0x80 } as const;
export const COMMAND = { RUN: 1n, FROM_DEVICE: 2n, INTERRUPT: 4n } as const;
/** Bits of the interrupt status that the device sets by itself. */
export const REASON = { FACTORIAL: 0x01, DMA: 0x100 } as const;

export const VERSION = 0x010000ed;
/** Where the device's buffer is for its DMA engine; it is not in the BAR. */
export const BUFFER = { ADDRESS: 0x40000n, SIZE: 4096 } as const;
/** The DMA engine drives 28 address bits. */
export const DMA_MASK = (1n << 28n) - 1n;
