/**
 * Software nesting (uapi-ioasid.md, 2.2): the child's mappings name the parent's IOVA, and each translation goes through
 * the parent as it is now. So the merged translation follows every change of the parent without being told.
 */
import type { DmaTarget } from '../../memory/dma-target.js';
import { DMA_FAULT, type DmaFault, type DmaSource, type Domain, type Hit } from '../domain.js';
import { PagingDomain } from './paging-domain.js';

export class NestedDomain<T extends DmaTarget> extends PagingDomain<T> {
  readonly #parent: Domain;

  constructor(parent: Domain) {
    super();
    this.#parent = parent;
  }

  override get changes(): number | undefined {
    const [own, above] = [super.changes, this.#parent.changes];
    return own === undefined || above === undefined ? undefined : own + above;
  }

  override translate(page: number, write: boolean, hit: Hit, who: DmaSource): DmaFault {
    const fault = super.translate(page, write, hit, who);
    if (fault !== DMA_FAULT.NONE) return fault;
    const { pages } = hit;
    const parentFault = this.#parent.translate(hit.page, write, hit, who);
    if (hit.pages > pages) hit.pages = pages;
    return parentFault;
  }
}
