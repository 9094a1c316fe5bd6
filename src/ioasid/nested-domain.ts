/**
 * Software nesting (uapi-ioasid.md, 2.2): the child's mappings name the parent's IOVA, and each translation goes through
 * the parent as it is now. So the merged translation follows every change of the parent without being told.
 */
import { DMA_FAULT, type DmaFault, type DmaTarget, type Hit, PagingDomain } from '../iommu/domain.js';

export class NestedDomain<T extends DmaTarget> extends PagingDomain<T> {
  readonly #parent: PagingDomain<T>;

  constructor(parent: PagingDomain<T>) {
    super();
    this.#parent = parent;
  }

  override translate(page: number, write: boolean, hit: Hit): DmaFault {
    const fault = super.translate(page, write, hit);
    if (fault !== DMA_FAULT.NONE) return fault;
    const { pages } = hit;
    const parentFault = this.#parent.translate(hit.page, write, hit);
    if (hit.pages > pages) hit.pages = pages;
    return parentFault;
  }
}
