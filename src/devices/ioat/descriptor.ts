/** A descriptor of a CBDMA channel: 64 bytes in memory, little-endian. */

export const DESCRIPTOR_SIZE = 64;
export const OPERATION = { COPY: 0, FILL: 1 } as const;

export interface Descriptor {
  /** Where it is: an I/O virtual address. */
  readonly address: bigint;
  /** Bytes to move. */
  readonly size: number;
  /** 8 bits; OPERATION names those that the device does. */
  readonly operation: number;
  /** Interrupt when it is done. */
  readonly interrupt: boolean;
  /** Write a completion when it is done. */
  readonly completion: boolean;
  /** Nothing is moved. */
  readonly isNull: boolean;
  /** I/O virtual address, or the eight bytes to fill with. */
  readonly source: bigint;
  readonly target: bigint;
  /** The next descriptor. */
  readonly next: bigint;
}

const CONTROL = { INTERRUPT: 1, COMPLETION: 8, NULL: 0x20 } as const;

/** Takes a descriptor apart. @param view at least DESCRIPTOR_SIZE bytes */
export function readDescriptor(view: DataView, address: bigint): Descriptor {
  const control = view.getUint32(4, true);
  return {
    address,
    size: view.getUint32(0, true),
    operation: control >>> 24,
    interrupt: (control & CONTROL.INTERRUPT) !== 0,
    completion: (control & CONTROL.COMPLETION) !== 0,
    isNull: (control & CONTROL.NULL) !== 0,
    source: view.getBigUint64(8, true),
    target: view.getBigUint64(16, true),
    next: view.getBigUint64(24, true),
  };
}
