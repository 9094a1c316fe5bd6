/**
 * drivers/iommu/iommufd/iommufd_test.h of Linux 7.2: the test command of a kernel that is built with IOMMUFD_TEST, and the
 * data of its mock IOMMU.
 */
import { io, linuxs } from './ioctl.js';
import { IOMMUFD_TYPE } from './iommufd.js';
import { struct } from './layout.js';

/** Sub-operations of IOMMU_TEST_CMD. */
export const TEST_OP = {
  ADD_RESERVED: 1,
  MOCK_DOMAIN: 2,
  MD_CHECK_MAP: 3,
  MD_CHECK_REFS: 4,
  CREATE_ACCESS: 5,
  DESTROY_ACCESS_PAGES: 6,
  ACCESS_PAGES: 7,
  ACCESS_RW: 8,
  SET_TEMP_MEMORY_LIMIT: 9,
  MOCK_DOMAIN_REPLACE: 10,
  ACCESS_REPLACE_IOAS: 11,
  MOCK_DOMAIN_FLAGS: 12,
  DIRTY: 13,
  MD_CHECK_IOTLB: 14,
  TRIGGER_IOPF: 15,
  DEV_CHECK_CACHE: 16,
  TRIGGER_VEVENT: 17,
  PASID_ATTACH: 18,
  PASID_REPLACE: 19,
  PASID_DETACH: 20,
  PASID_CHECK_HWPT: 21,
  DMABUF_GET: 22,
  DMABUF_REVOKE: 23,
} as const;

export const IOMMUFD_TEST = {
  MOCK_APERTURE_START: 1 << 24,
  MOCK_APERTURE_LAST: 0x7fffffff,
  MOCK_PAGE_SIZE: 2048,
  MOCK_HUGE_PAGE_SIZE: 512 * 2048,
  MOCK_IOMMUPT_DEFAULT: 0,
  MOCK_IOMMUPT_HUGE: 1,
  MOCK_FLAGS_ACCESS_WRITE: 1,
  MOCK_FLAGS_ACCESS_SYZ: 1 << 16,
  MOCK_ACCESS_RW_WRITE: 1,
  MOCK_ACCESS_RW_SLOW_PATH: 4,
  MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES: 1,
  MOCK_FLAGS_DEVICE_NO_DIRTY: 1,
  MOCK_FLAGS_DEVICE_PASID: 4,
  MOCK_NESTED_DOMAIN_IOTLB_NUM: 4,
  MOCK_DEV_CACHE_NUM: 4,
  MOCK_PASID_WIDTH: 20,
  IOMMU_TEST_PASID_RESERVED: 1024,
  IOMMU_HW_INFO_TYPE_SELFTEST: 0xfeedbeef,
  IOMMU_HW_INFO_SELFTEST_REGVAL: 0xdeadbeef,
  IOMMU_HWPT_DATA_SELFTEST: 0xdead,
  IOMMU_TEST_DEV_CACHE_DEFAULT: 0xbaddad,
  IOMMU_HWPT_INVALIDATE_DATA_SELFTEST: 0xdeadbeef,
  IOMMU_TEST_INVALIDATE_FLAG_ALL: 1,
  IOMMU_VIOMMU_TYPE_SELFTEST: 0xdeadbeef,
  IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST: 0xdeadbeef,
  IOMMU_VEVENTQ_TYPE_SELFTEST: 0xbeefbeef,
  IOMMU_HW_QUEUE_TYPE_SELFTEST: 0xdeadbeef,
  IOMMU_TEST_HW_QUEUE_MAX: 2,
} as const;

/** The union of 48 bytes as words: each sub-operation has its own reading of them. */
export const iommu_test_cmd = struct('iommu_test_cmd', {
  size: 'u32',
  op: 'u32',
  id: 'u32',
  __reserved: 'u32',
  a: 'u32',
  b: 'u32',
  c: 'u32',
  d: 'u32',
  e: 'u64',
  f: 'u64',
  g: 'u64',
  h: 'u64',
  last: 'u32',
});
export const iommu_test_hw_info = struct('iommu_test_hw_info', { flags: 'u32', test_reg: 'u32' });
export const iommu_hwpt_selftest = struct('iommu_hwpt_selftest', { iotlb: 'u32', pagetable_type: 'u32' });
export const iommu_hwpt_invalidate_selftest = struct('iommu_hwpt_invalidate_selftest', {
  flags: 'u32',
  iotlb_id: 'u32',
});
export const iommu_viommu_selftest = struct('iommu_viommu_selftest', {
  in_data: 'u32',
  out_data: 'u32',
  out_mmap_offset: 'u64',
  out_mmap_length: 'u64',
});
export const iommu_viommu_invalidate_selftest = struct('iommu_viommu_invalidate_selftest', {
  flags: 'u32',
  vdev_id: 'u32',
  cache_id: 'u32',
});

export const IOMMUFD_TEST_IOCTLS = {
  TEST_CMD: linuxs('IOMMU_TEST_CMD', io(IOMMUFD_TYPE, 0xa0), iommu_test_cmd),
} as const;
