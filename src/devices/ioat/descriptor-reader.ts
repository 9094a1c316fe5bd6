/** Reads descriptors ahead: those that follow each other in memory come in one read. */
import { type DmaPort, OF_QUEUE } from '../../iommu/dma.js';
import { DESCRIPTOR_SIZE, type Descriptor, readDescriptor } from './descriptor.js';

/** A read never goes into a page that no descriptor may be in. */
const PAGE = 4096;

export class DescriptorReader {
  readonly #dma: DmaPort;
  readonly #bytes = new Uint8Array(new ArrayBuffer(PAGE));
  #begin = 0n;
  #size = 0;
  #most = 0;

  constructor(dma: DmaPort) {
    this.#dma = dma;
  }

  /** What was read ahead is not valid any more. @param most descriptors that are there */
  begin(most: number): void {
    this.#size = 0;
    this.#most = most;
  }

  /** The descriptor at an I/O virtual address; undefined: it cannot be read. */
  read(address: bigint): Descriptor | undefined {
    let at = address - this.#begin;
    if (at < 0n || at + BigInt(DESCRIPTOR_SIZE) > BigInt(this.#size)) {
      if (!this.#fetch(address)) return undefined;
      at = 0n;
    }
    this.#most--;
    return readDescriptor(new DataView(this.#bytes.buffer, Number(at), DESCRIPTOR_SIZE), address);
  }

  #fetch(address: bigint): boolean {
    const room = Math.floor((PAGE - Number(address % BigInt(PAGE))) / DESCRIPTOR_SIZE);
    const size = Math.max(1, Math.min(room, this.#most)) * DESCRIPTOR_SIZE;
    this.#begin = address;
    this.#size = this.#dma.read(address, this.#bytes.subarray(0, size), OF_QUEUE).moved;
    return this.#size >= DESCRIPTOR_SIZE;
  }
}
