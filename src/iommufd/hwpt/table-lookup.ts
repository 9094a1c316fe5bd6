/** What devices reach through a paging table: the frames under the areas of its IOAS, as they are at each request. */
import { addressOfPage, pageOf } from '../../abi/address.js';
import { DMA_FAULT, type DmaFault, type Hit, type WriteRecord } from '../../iommu/domain.js';
import type { PageLookup } from '../../iommu/driver.js';
import { AREA_READ, AREA_WRITE } from '../../iopt/area.js';
import type { IoPageTable } from '../../iopt/io-page-table.js';
import type { DirtyLog } from './dirty-log.js';

/** What it needs of the table that it is for. */
interface Recorder {
  readonly dirty: DirtyLog;
  readonly tracking: boolean;
}

export class TableLookup implements PageLookup {
  readonly #table: IoPageTable;
  readonly #recorder: Recorder;
  readonly #writes: WriteRecord = {
    mark: (first, count) => this.#recorder.dirty.mark(addressOfPage(first), addressOfPage(first + count) - 1n),
  };

  constructor(table: IoPageTable, recorder: Recorder) {
    this.#table = table;
    this.#recorder = recorder;
  }

  translate(page: number, write: boolean, hit: Hit): DmaFault {
    const iova = addressOfPage(page);
    const area = this.#table.areas.at(iova);
    if (!area) return DMA_FAULT.NOT_MAPPED;
    if ((area.access & (write ? AREA_WRITE : AREA_READ)) === 0) return DMA_FAULT.NO_PERMISSION;
    const inPages = area.pageOf(iova);
    const segment = area.pages.segment(inPages);
    if (!segment) return DMA_FAULT.NOT_MAPPED;
    const skip = inPages - segment.first;
    hit.target = segment.backing;
    hit.page = segment.frame + skip;
    hit.pages = Math.min(segment.pages - skip, pageOf(area.last) - page + 1);
    hit.dirty = this.#recorder.tracking ? this.#writes : undefined;
    hit.dirtyPage = page;
    return DMA_FAULT.NONE;
  }
}
