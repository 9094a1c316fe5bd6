/** linux/vfio.h: containers, groups and the type1 IOMMU. */
import { io, linuxs } from './ioctl.js';
import { struct } from './layout.js';
import { VFIO_BASE, VFIO_TYPE } from './vfio.js';

export const VFIO_API_VERSION = 0;

/** Numbers of CHECK_EXTENSION and SET_IOMMU. */
export const VFIO_EXTENSION = {
  TYPE1_IOMMU: 1,
  TYPE1v2_IOMMU: 3,
  DMA_CC_IOMMU: 4,
  NOIOMMU_IOMMU: 8,
  UNMAP_ALL: 9,
  UPDATE_VADDR: 10,
} as const;

export const VFIO_GROUP_FLAGS = { VIABLE: 1, CONTAINER_SET: 2 } as const;
export const VFIO_IOMMU_INFO = { PGSIZES: 1, CAPS: 2 } as const;
export const VFIO_DMA_MAP_FLAG = { READ: 1, WRITE: 2, VADDR: 4 } as const;
export const VFIO_DMA_UNMAP_FLAG = { GET_DIRTY_BITMAP: 1, ALL: 2, VADDR: 4 } as const;
/** Ids of the capabilities of VFIO_IOMMU_GET_INFO. */
export const VFIO_TYPE1_INFO_CAP = { IOVA_RANGE: 1, MIGRATION: 2, DMA_AVAIL: 3 } as const;
export const VFIO_IOMMU_DIRTY_PAGES_FLAG = { START: 1, STOP: 2, GET_BITMAP: 4 } as const;

export const vfio_group_status = struct('vfio_group_status', { argsz: 'u32', flags: 'u32' });
export const vfio_iommu_type1_info = struct('vfio_iommu_type1_info', {
  argsz: 'u32',
  flags: 'u32',
  iova_pgsizes: 'u64',
  cap_offset: 'u32',
  pad: 'u32',
});
export const vfio_iommu_type1_dma_map = struct('vfio_iommu_type1_dma_map', {
  argsz: 'u32',
  flags: 'u32',
  vaddr: 'u64',
  iova: 'u64',
  size: 'u64',
});
/** A struct vfio_bitmap may follow. */
export const vfio_iommu_type1_dma_unmap = struct('vfio_iommu_type1_dma_unmap', {
  argsz: 'u32',
  flags: 'u32',
  iova: 'u64',
  size: 'u64',
});
export const vfio_bitmap = struct('vfio_bitmap', { pgsize: 'u64', size: 'u64', data: 'u64' });
/** A struct vfio_iommu_type1_dirty_bitmap_get may follow. */
export const vfio_iommu_type1_dirty_bitmap = struct('vfio_iommu_type1_dirty_bitmap', { argsz: 'u32', flags: 'u32' });
/** iova and size, then a struct vfio_bitmap. */
export const vfio_iommu_type1_dirty_bitmap_get = struct('vfio_iommu_type1_dirty_bitmap_get', {
  iova: 'u64',
  size: 'u64',
  pgsize: 'u64',
  bitmap_size: 'u64',
  data: 'u64',
});

/** Capabilities of VFIO_IOMMU_GET_INFO; each starts with struct vfio_info_cap_header. */
export const vfio_iommu_type1_info_cap_iova_range = struct('vfio_iommu_type1_info_cap_iova_range', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  nr_iovas: 'u32',
  reserved: 'u32',
});
export const vfio_iova_range = struct('vfio_iova_range', { start: 'u64', end: 'u64' });
export const vfio_iommu_type1_info_cap_migration = struct('vfio_iommu_type1_info_cap_migration', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  flags: 'u32',
  pgsize_bitmap: 'u64',
  max_dirty_bitmap_size: 'u64',
});
/** 12 bytes in the header; the chain puts the next capability at a multiple of 8. */
export const vfio_iommu_type1_info_dma_avail = struct('vfio_iommu_type1_info_dma_avail', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  avail: 'u32',
});

const number = (nr: number): number => io(VFIO_TYPE, VFIO_BASE + nr);

/** The ioctls of /dev/vfio/vfio. */
export const VFIO_CONTAINER_IOCTLS = {
  GET_API_VERSION: linuxs('VFIO_GET_API_VERSION', number(0), 'none'),
  CHECK_EXTENSION: linuxs('VFIO_CHECK_EXTENSION', number(1), 'value'),
  SET_IOMMU: linuxs('VFIO_SET_IOMMU', number(2), 'value'),
  IOMMU_GET_INFO: linuxs('VFIO_IOMMU_GET_INFO', number(12), vfio_iommu_type1_info),
  IOMMU_MAP_DMA: linuxs('VFIO_IOMMU_MAP_DMA', number(13), vfio_iommu_type1_dma_map),
  IOMMU_UNMAP_DMA: linuxs('VFIO_IOMMU_UNMAP_DMA', number(14), vfio_iommu_type1_dma_unmap),
  IOMMU_DIRTY_PAGES: linuxs('VFIO_IOMMU_DIRTY_PAGES', number(17), vfio_iommu_type1_dirty_bitmap),
} as const;

/** The ioctls of /dev/vfio/N. */
export const VFIO_GROUP_IOCTLS = {
  GET_STATUS: linuxs('VFIO_GROUP_GET_STATUS', number(3), vfio_group_status),
  SET_CONTAINER: linuxs('VFIO_GROUP_SET_CONTAINER', number(4), 'value'),
  UNSET_CONTAINER: linuxs('VFIO_GROUP_UNSET_CONTAINER', number(5), 'none'),
  GET_DEVICE_FD: linuxs('VFIO_GROUP_GET_DEVICE_FD', number(6), 'value'),
} as const;
