/**
 * How a paging HWPT translates: through the areas of its IOAS, to the frames that are pinned for it. There is no second
 * table to keep in step.
 */
import { addressOfPage, isPageAligned, pageOf } from '../../abi/address.js';
import { type DirtySink, DMA_FAULT, type DmaFault, type Domain, type Hit } from '../../iommu/domain.js';
import { AREA_READ, AREA_WRITE, type Area } from '../../iopt/area.js';
import type { IoPageTable } from '../../iopt/io-page-table.js';
import { SharedPages } from '../../iopt/shared-pages.js';
import type { CpuCaches } from '../../memory/cpu-caches.js';

export class TableTranslation implements Domain {
  readonly enforceSnoop: boolean;
  /** Where devices' writes are recorded, while somebody asks for them. */
  dirty: DirtySink | undefined;
  readonly #table: IoPageTable;
  /** The area of the last question, as long as nothing was removed. */
  #area: Area | undefined;
  #generation = -1;

  constructor(table: IoPageTable, enforceSnoop: boolean) {
    this.#table = table;
    this.enforceSnoop = enforceSnoop;
  }

  /** See Domain.changes. */
  get changes(): number {
    return this.#table.generation + SharedPages.revocations;
  }

  translate(page: number, write: boolean, hit: Hit): DmaFault {
    const iova = addressOfPage(page);
    const area = this.#find(iova);
    if (!area) return DMA_FAULT.NOT_MAPPED;
    if ((area.access & (write ? AREA_WRITE : AREA_READ)) === 0) return DMA_FAULT.NO_PERMISSION;
    const index = area.pageOf(iova);
    const segment = area.pages.segment(index);
    // The memory of a device was taken back by its exporter.
    if (!segment) return DMA_FAULT.NOT_MAPPED;
    const skip = index - segment.first;
    hit.target = segment.backing;
    hit.page = segment.frame + skip;
    hit.pages = Math.min(segment.pages - skip, pageOf(area.last) - page + 1);
    hit.dirty = this.dirty;
    hit.dirtyPage = page;
    return DMA_FAULT.NONE;
  }

  follow(caches: CpuCaches, change: 1 | -1): void {
    this.#table.follow(caches, change);
  }

  /** An area that holds the whole page. */
  #find(iova: bigint): Area | undefined {
    const known = this.#area;
    if (known && this.#generation === this.#table.generation && known.start <= iova && iova <= known.last) return known;
    const area = this.#table.areas.at(iova);
    if (!area || !isPageAligned(area.start | (area.last + 1n))) return undefined;
    this.#area = area;
    this.#generation = this.#table.generation;
    return area;
  }
}
