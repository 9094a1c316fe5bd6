/** VFIO_IOMMU_GET_INFO: the capability chain of a type1 IOMMU (linux-vfio.md, 4.1). */
import {
  VFIO_TYPE1_INFO_CAP,
  vfio_iommu_type1_info_cap_iova_range,
  vfio_iommu_type1_info_cap_migration,
  vfio_iommu_type1_info_dma_avail,
  vfio_iova_range,
} from '../../abi/vfio-container.js';
import { type InfoCapability, infoCapability } from '../../vfio/info-capability.js';
import { MAX_BITMAP_BYTES } from './dirty.js';
import type { Type1 } from './type1.js';

/** The capabilities, in the order of the chain. */
export function type1Capabilities(type1: Type1): InfoCapability[] {
  const migration = infoCapability(VFIO_TYPE1_INFO_CAP.MIGRATION, 1, vfio_iommu_type1_info_cap_migration, {
    flags: 0,
    pgsize_bitmap: type1.pageSizes & -type1.pageSizes,
    max_dirty_bitmap_size: BigInt(MAX_BITMAP_BYTES),
  });
  const available = infoCapability(VFIO_TYPE1_INFO_CAP.DMA_AVAIL, 1, vfio_iommu_type1_info_dma_avail, {
    avail: type1.available,
  });
  return [migration, available, iovaRanges(type1)];
}

function iovaRanges({ ranges }: Type1): InfoCapability {
  const { size } = vfio_iommu_type1_info_cap_iova_range;
  const bytes = new Uint8Array(size + ranges.length * vfio_iova_range.size);
  const view = new DataView(bytes.buffer);
  vfio_iommu_type1_info_cap_iova_range.set.nr_iovas(view, ranges.length);
  for (const [i, { start, last }] of ranges.entries()) {
    vfio_iova_range.set.start(view, start, size + i * vfio_iova_range.size);
    vfio_iova_range.set.end(view, last, size + i * vfio_iova_range.size);
  }
  return { id: VFIO_TYPE1_INFO_CAP.IOVA_RANGE, version: 1, bytes };
}
