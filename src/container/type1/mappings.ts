/** The mappings of one container (Linux: struct vfio_dma, the tree dma_list): one a MAP_DMA, never merged or split. */
import { PAGE_SHIFT } from '../../abi/address.js';
import type { FrameRun } from '../../memory/backing.js';
import type { Mm } from '../../memory/mm.js';

/** What one MAP_DMA made. Pages are page-frame numbers of I/O virtual addresses. */
export interface DmaMapping {
  readonly first: number;
  readonly pages: number;
  readonly read: boolean;
  readonly write: boolean;
  /** User address, bytes. */
  vaddr: bigint;
  /** UNMAP with VADDR took the user address away; MAP with VADDR gives another. */
  vaddrInvalid: boolean;
  /** Whose memory it is, and who is charged. */
  mm: Mm;
  /** Frames that are pinned for it, in order. */
  runs: readonly FrameRun[];
  /** Pages charged to `mm`. */
  charged: number;
}

/** The last page of a mapping. */
export const lastPage = ({ first, pages }: DmaMapping): number => first + pages - 1;

/** Bytes of a mapping. */
export const bytesOf = ({ pages }: DmaMapping): bigint => BigInt(pages) << BigInt(PAGE_SHIFT);

export class Mappings implements Iterable<DmaMapping> {
  /** Sorted by first page. */
  readonly #sorted: DmaMapping[] = [];

  get count(): number {
    return this.#sorted.length;
  }

  [Symbol.iterator](): Iterator<DmaMapping> {
    return this.#sorted[Symbol.iterator]();
  }

  /** The mapping with the lowest address that touches pages [first, last]. */
  touching(first: number, last: number): DmaMapping | undefined {
    const found = this.#sorted[this.#from(first)];
    return found && found.first <= last ? found : undefined;
  }

  /** All mappings that touch pages [first, last], in rising order. */
  all(first: number, last: number): DmaMapping[] {
    const found: DmaMapping[] = [];
    for (let i = this.#from(first); ; i++) {
      const mapping = this.#sorted[i];
      if (!mapping || mapping.first > last) return found;
      found.push(mapping);
    }
  }

  /** Adds a mapping that touches none. */
  add(mapping: DmaMapping): void {
    this.#sorted.splice(this.#from(mapping.first), 0, mapping);
  }

  /** Takes away mappings that follow each other. */
  remove(mappings: readonly DmaMapping[]): void {
    const first = mappings[0];
    if (first) this.#sorted.splice(this.#from(first.first), mappings.length);
  }

  /** Position of the first mapping that ends at or behind a page. */
  #from(page: number): number {
    let [low, high] = [0, this.#sorted.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastPage(this.#sorted[middle] as DmaMapping) < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
