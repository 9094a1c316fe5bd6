/**
 * Descriptors that are done together: first all sources are read, then all targets written. So none of them may read what
 * another one before it writes; the chain itself counts as read.
 */
import { type DmaPiece, type DmaPort, PLAIN } from '../../iommu/dma.js';
import { DESCRIPTOR_SIZE, type Descriptor, OPERATION } from './descriptor.js';
import { CHANERR } from './registers.js';

/** A descriptor, or a part of it. */
export interface Part {
  readonly descriptor: Descriptor;
  /** Bytes of the descriptor that were moved before. */
  readonly before: number;
  /** Bytes of this part. */
  readonly size: number;
}

/** A pattern has eight bytes: parts end at multiples of it. */
const PATTERN = 8;

export class CopyBatch {
  readonly #dma: DmaPort;
  readonly #bytes: Uint8Array;
  #used = 0;
  #parts: Part[] = [];
  readonly #targets: { begin: bigint; end: bigint }[] = [];
  #sources: DmaPiece[] = [];
  #writes: DmaPiece[] = [];

  /** @param budget most bytes of a batch */
  constructor(dma: DmaPort, budget: number) {
    this.#dma = dma;
    this.#bytes = new Uint8Array(budget);
  }

  /**
   * Adds a descriptor.
   * @param before bytes of it that were moved before
   * @returns bytes of it that the batch moves; undefined: it has to wait for the next batch
   */
  add(descriptor: Descriptor, before: number): number | undefined {
    const { address, isNull, operation, source, target } = descriptor;
    const wanted = isNull ? 0 : descriptor.size - before;
    let size = Math.min(wanted, this.#bytes.length - this.#used);
    if (size < wanted) size -= size % PATTERN;
    if (size === 0 && wanted > 0) return undefined;
    const at = BigInt(before);
    if (this.#isWritten(address, DESCRIPTOR_SIZE)) return undefined;
    if (operation === OPERATION.COPY && this.#isWritten(source + at, size)) return undefined;
    this.#parts.push({ descriptor, before, size });
    if (size === 0) return 0;
    const bytes = this.#bytes.subarray(this.#used, this.#used + size);
    this.#used += size;
    if (operation === OPERATION.FILL) fill(source, bytes);
    else this.#sources.push({ iova: source + at, bytes });
    this.#writes.push({ iova: target + at, bytes });
    this.#targets.push({ begin: target + at, end: target + at + BigInt(size) });
    return size;
  }

  #isWritten(address: bigint, size: number): boolean {
    const end = address + BigInt(size);
    return this.#targets.some((it) => it.begin < end && address < it.end);
  }

  /** Does what was added. Returns the parts that are done, in order, and the CHANERR bits of the one after them that failed. */
  run(): { done: readonly Part[]; failure: number | undefined } {
    let failure: number | undefined;
    let parts: readonly Part[] = this.#parts;
    if (this.#sources.length > 0) {
      const reads = (part: Part) => (part.descriptor.operation === OPERATION.COPY ? part.size : 0);
      const read = whole(parts, reads, this.#dma.moveAll(this.#sources, false, PLAIN).moved);
      if (read < parts.length) failure = CHANERR.SOURCE;
      parts = parts.slice(0, read);
    }
    const writes = this.#writes.slice(0, parts.filter(({ size }) => size > 0).length);
    if (writes.length > 0) {
      const written = whole(parts, ({ size }) => size, this.#dma.moveAll(writes, true, PLAIN).moved);
      if (written < parts.length) failure = CHANERR.TARGET;
      parts = parts.slice(0, written);
    }
    this.#used = 0;
    [this.#parts, this.#sources, this.#writes] = [[], [], []];
    this.#targets.length = 0;
    return { done: parts, failure };
  }
}

/** How many parts, from the first on, are whole when so many bytes were moved. */
function whole(parts: readonly Part[], bytes: (part: Part) => number, moved: number): number {
  let left = moved;
  const first = parts.findIndex((part) => {
    left -= bytes(part);
    return left < 0;
  });
  return first < 0 ? parts.length : first;
}

function fill(pattern: bigint, bytes: Uint8Array): void {
  for (let i = 0; i < Math.min(PATTERN, bytes.length); i++) bytes[i] = Number((pattern >> BigInt(8 * i)) & 0xffn);
  for (let filled = PATTERN; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, bytes.length - filled);
}
