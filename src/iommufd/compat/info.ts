/** VFIO_IOMMU_GET_INFO on /dev/iommu: page sizes, and a chain of capabilities behind the struct (linux-iommufd.md, 14). */
import { larger, PAGE_SIZE, U64_MAX } from '../../abi/address.js';
import {
  VFIO_IOMMU_INFO,
  VFIO_TYPE1_INFO_CAP,
  vfio_iommu_type1_info,
  vfio_iommu_type1_info_cap_iova_range,
  vfio_iommu_type1_info_dma_avail,
  vfio_iova_range,
} from '../../abi/vfio-container.js';
import type { IoPageTable } from '../../iopt/io-page-table.js';
import type { Mm } from '../../memory/mm.js';

/** Mappings are limited by memory only: the largest number that fits. */
const NO_LIMIT = 0xffff_ffff;

/** Page sizes that all domains have; smaller ones than the CPU's are told as one page of the CPU. */
function pageSizes(table: IoPageTable): bigint {
  let sizes = U64_MAX;
  for (const domain of table.domains) sizes &= domain.pageSizes;
  const small = BigInt(PAGE_SIZE) - 1n;
  if ((sizes & small) !== 0n) sizes = (sizes & ~small) | BigInt(PAGE_SIZE);
  return larger(sizes, table.alignment);
}

function dmaAvail(): Uint8Array {
  const layout = vfio_iommu_type1_info_dma_avail;
  const view = new DataView(new ArrayBuffer(layout.size));
  layout.set.id(view, VFIO_TYPE1_INFO_CAP.DMA_AVAIL);
  layout.set.version(view, 1);
  layout.set.avail(view, NO_LIMIT);
  return new Uint8Array(view.buffer);
}

/** The ranges as far as there is room for them, and then the header, as Linux fills it. */
function iovaRanges(table: IoPageTable): Uint8Array {
  const layout = vfio_iommu_type1_info_cap_iova_range;
  const holes = table.reserved.holes();
  const view = new DataView(new ArrayBuffer(layout.size + holes.length * vfio_iova_range.size));
  layout.set.id(view, VFIO_TYPE1_INFO_CAP.IOVA_RANGE);
  layout.set.version(view, 1);
  layout.set.nr_iovas(view, holes.length);
  holes.forEach(({ start, last }, i) => {
    const at = layout.size + i * vfio_iova_range.size;
    vfio_iova_range.set.start(view, start, at);
    vfio_iova_range.set.end(view, last, at);
  });
  return new Uint8Array(view.buffer);
}

interface Info {
  argsz: number;
  flags: number;
  iova_pgsizes: bigint;
  cap_offset: number;
}

/**
 * Fills the struct, and writes the capabilities for which argsz leaves room.
 * @param address of the struct in the program
 * @throws EFAULT
 */
export function getInfo(table: IoPageTable, info: Info, mm: Mm, address: bigint): number {
  const { argsz } = info;
  let total = vfio_iommu_type1_info.size;
  let before = 0;
  for (const capability of [dmaAvail(), iovaRanges(table)]) {
    if (argsz >= total + capability.length) mm.copyOut(address + BigInt(total), capability);
    if (before > 0 && argsz >= total) {
      const next = new DataView(new ArrayBuffer(4));
      next.setUint32(0, total, true);
      mm.copyOut(address + BigInt(before + vfio_iommu_type1_info_dma_avail.offset.next), new Uint8Array(next.buffer));
    }
    before = total;
    total += Math.ceil(capability.length / 8) * 8;
  }
  info.cap_offset = argsz >= total ? vfio_iommu_type1_info.size : 0;
  info.argsz = total;
  info.flags = VFIO_IOMMU_INFO.PGSIZES | VFIO_IOMMU_INFO.CAPS;
  info.iova_pgsizes = pageSizes(table);
  return 0;
}
