/** linux/vfio.h: containers and their type 1 IOMMU, as /dev/vfio/vfio and /dev/iommu serve them. */
import { io, linuxs } from './ioctl.js';
import { struct } from './layout.js';

const VFIO_TYPE = 0x3b;
const VFIO_BASE = 100;

export const VFIO_TYPE1 = {
  VFIO_API_VERSION: 0,
  VFIO_TYPE1_IOMMU: 1,
  VFIO_TYPE1v2_IOMMU: 3,
  VFIO_DMA_CC_IOMMU: 4,
  VFIO_NOIOMMU_IOMMU: 8,
  VFIO_UNMAP_ALL: 9,
  VFIO_DMA_MAP_FLAG_READ: 1,
  VFIO_DMA_MAP_FLAG_WRITE: 2,
  VFIO_DMA_UNMAP_FLAG_ALL: 2,
  VFIO_IOMMU_INFO_PGSIZES: 1,
  VFIO_IOMMU_INFO_CAPS: 2,
  VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE: 1,
  VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL: 3,
} as const;

export const vfio_iommu_type1_info = struct('vfio_iommu_type1_info', {
  argsz: 'u32',
  flags: 'u32',
  iova_pgsizes: 'u64',
  cap_offset: 'u32',
  pad: 'u32',
});
/** struct vfio_info_cap_header, then how many mappings can still be made. */
export const vfio_iommu_type1_info_dma_avail = struct('vfio_iommu_type1_info_dma_avail', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  avail: 'u32',
});
/** struct vfio_info_cap_header, then the number of ranges; they follow. */
export const vfio_iommu_type1_info_cap_iova_range = struct('vfio_iommu_type1_info_cap_iova_range', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  nr_iovas: 'u32',
  reserved: 'u32',
});
export const vfio_iova_range = struct('vfio_iova_range', { start: 'u64', end: 'u64' });
export const vfio_iommu_type1_dma_map = struct('vfio_iommu_type1_dma_map', {
  argsz: 'u32',
  flags: 'u32',
  vaddr: 'u64',
  iova: 'u64',
  size: 'u64',
});
export const vfio_iommu_type1_dma_unmap = struct('vfio_iommu_type1_dma_unmap', {
  argsz: 'u32',
  flags: 'u32',
  iova: 'u64',
  size: 'u64',
});

export const VFIO_TYPE1_IOCTLS = {
  GET_API_VERSION: linuxs('VFIO_GET_API_VERSION', io(VFIO_TYPE, VFIO_BASE + 0), 'none'),
  CHECK_EXTENSION: linuxs('VFIO_CHECK_EXTENSION', io(VFIO_TYPE, VFIO_BASE + 1), 'value'),
  SET_IOMMU: linuxs('VFIO_SET_IOMMU', io(VFIO_TYPE, VFIO_BASE + 2), 'value'),
  IOMMU_GET_INFO: linuxs('VFIO_IOMMU_GET_INFO', io(VFIO_TYPE, VFIO_BASE + 12), vfio_iommu_type1_info),
  IOMMU_MAP_DMA: linuxs('VFIO_IOMMU_MAP_DMA', io(VFIO_TYPE, VFIO_BASE + 13), vfio_iommu_type1_dma_map),
  IOMMU_UNMAP_DMA: linuxs('VFIO_IOMMU_UNMAP_DMA', io(VFIO_TYPE, VFIO_BASE + 14), vfio_iommu_type1_dma_unmap),
} as const;
