/**
 * Memory of a device that programs can map: the bytes behind a BAR, or a part of one. Who runs the machine says where they
 * are: in an array, or in memory that other processes share.
 */
import type { MappableMemory } from '../kernel/file/open-file.js';

export interface DeviceMemory extends MappableMemory {
  /** The bytes themselves: what a program stored is here at once. Lives as long as the device. */
  readonly view: DataView;
}

/** Makes the memory behind a BAR. @param bar index of the BAR, 0 to 5; @param size bytes, a multiple of the page size */
export type MakeMemory = (device: string, bar: number, size: number) => DeviceMemory;

/** Device memory in an array: for a machine that no other process maps. */
export class ArrayMemory implements DeviceMemory {
  readonly view: DataView;
  protected readonly bytes: Uint8Array<ArrayBuffer>;

  /** @param size bytes; @param viewOf makes the view of them */
  constructor(size: number, viewOf = (bytes: Uint8Array<ArrayBuffer>) => new DataView(bytes.buffer)) {
    this.bytes = new Uint8Array(size);
    this.view = viewOf(this.bytes);
  }
  get size(): number {
    return this.bytes.length;
  }
  read(offset: number, into: Uint8Array): void {
    into.set(this.bytes.subarray(offset, offset + into.length));
  }
  write(offset: number, from: Uint8Array): void {
    this.bytes.set(from, offset);
  }
}
