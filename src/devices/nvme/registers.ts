/** Controller registers (NVM Express Base Specification 2.0, section 3.1; doorbells: PCIe Transport Specification 1.0, 3.1.2). */
export const NVME = {
  CAP: 0x00,
  VS: 0x08,
  INTMS: 0x0c,
  INTMC: 0x10,
  CC: 0x14,
  CSTS: 0x1c,
  AQA: 0x24,
  ASQ: 0x28,
  ACQ: 0x30,
  DOORBELLS: 0x1000,
} as const;

/** Version 1.4. */
export const VERSION = 0x0001_0400;
/** Entries of the largest queue. */
export const MAX_QUEUE_ENTRIES = 1024;
/** Sizes of entries: log2 of bytes. */
export const SUBMISSION_SHIFT = 6;
export const COMPLETION_SHIFT = 4;
/** Largest page of the host: 4 KiB shifted by this. */
const MAX_PAGE_SHIFT = 4;

/** The capabilities register. */
export const CAPABILITIES =
  BigInt(MAX_QUEUE_ENTRIES - 1) |
  (1n << 16n) | // queues have to be contiguous
  (20n << 24n) | // ready within 10 s
  (1n << 37n) | // the NVM command set
  (BigInt(MAX_PAGE_SHIFT) << 52n);

/** The configuration register, taken apart (3.1.3.5). */
export interface Configuration {
  readonly enabled: boolean;
  readonly commandSet: number;
  /** Bytes of a page of the host. */
  readonly pageSize: number;
  readonly arbitration: number;
  /** 0: no shutdown asked for. */
  readonly shutdown: number;
  /** Log2 of bytes. */
  readonly submissionShift: number;
  readonly completionShift: number;
}

export function configuration(cc: number): Configuration {
  return {
    enabled: (cc & 1) !== 0,
    commandSet: (cc >>> 4) & 7,
    pageSize: 4096 << ((cc >>> 7) & 15),
    arbitration: (cc >>> 11) & 7,
    shutdown: (cc >>> 14) & 3,
    submissionShift: (cc >>> 16) & 15,
    completionShift: (cc >>> 20) & 15,
  };
}

/** True if the controller can run as it is configured. */
export function isPossible({ commandSet, pageSize, arbitration }: Configuration): boolean {
  return commandSet === 0 && pageSize <= 4096 << MAX_PAGE_SHIFT && arbitration === 0;
}

/** Bits of the status register (3.1.3.6). */
export const CSTS = { READY: 1, FATAL: 2, SHUTDOWN_OCCURRING: 4, SHUTDOWN_DONE: 8, SHUTDOWN: 0xc } as const;

/** Offset of a queue's doorbell. */
export function doorbell(queue: number, completion: boolean): number {
  return NVME.DOORBELLS + queue * 8 + (completion ? 4 : 0);
}
