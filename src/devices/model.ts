/** What a device model is, and what it is given. A model knows its registers; PCI and VFIO are around it. */
import type { DmaPort } from '../iommu/dma.js';

/** Memory of the device that can be mapped: a BAR without side effects. */
export interface DeviceMemory {
  /** Bytes. */
  readonly size: number;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
}

/** What the machine gives to a device. */
export interface DeviceSlot {
  readonly dma: DmaPort;
  /** The memory behind its mappable BAR; made by whoever runs the machine. */
  memory(size: number): DeviceMemory;
  /** Signals an MSI-X vector. */
  interrupt(vector: number): void;
}

export interface DeviceModel {
  /** PCI IDs: 16 bits, 16 bits, 24 bits. */
  readonly vendor: number;
  readonly device: number;
  readonly classCode: number;
  /** Number of MSI-X vectors. */
  readonly vectors: number;
  /** BAR0: registers, bytes; a power of two. */
  readonly registerSize: number;
  /** BAR2: mappable memory. */
  readonly memory: DeviceMemory;
  /**
   * Reads registers of BAR0.
   * @param offset aligned to `size`; @param size 4 or 8 bytes
   */
  readRegister(offset: number, size: 4 | 8): bigint;
  /** Writes registers; effects happen before it returns. */
  writeRegister(offset: number, size: 4 | 8, value: bigint): void;
  /**
   * Takes work by ENQCMD. @param wire the PASID that the CPU translated
   * @returns false: busy, try again
   */
  enqueue(wire: number): boolean;
  /** Back to the state after power-on. */
  reset(): void;
}

/** Device memory in an array: for a machine that no other process maps. */
export class ArrayMemory implements DeviceMemory {
  readonly #bytes: Uint8Array;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }
  get size(): number {
    return this.#bytes.length;
  }
  read(offset: number, into: Uint8Array): void {
    into.set(this.#bytes.subarray(offset, offset + into.length));
  }
  write(offset: number, from: Uint8Array): void {
    this.#bytes.set(from, offset);
  }
}
