/** linux/iommufd.h of Linux 7.2: the ioctls of /dev/iommu, their structs, flags and record layouts. */
import { io, linuxs } from './ioctl.js';
import { struct } from './layout.js';

export const IOMMUFD_TYPE = 0x3b;

export const IOMMUFD = {
  IOMMU_IOAS_MAP_FIXED_IOVA: 1,
  IOMMU_IOAS_MAP_WRITEABLE: 2,
  IOMMU_IOAS_MAP_READABLE: 4,
  IOMMU_OPTION_RLIMIT_MODE: 0,
  IOMMU_OPTION_HUGE_PAGES: 1,
  IOMMU_OPTION_OP_SET: 0,
  IOMMU_OPTION_OP_GET: 1,
  IOMMU_VFIO_IOAS_GET: 0,
  IOMMU_VFIO_IOAS_SET: 1,
  IOMMU_VFIO_IOAS_CLEAR: 2,
  IOMMU_HWPT_ALLOC_NEST_PARENT: 1,
  IOMMU_HWPT_ALLOC_DIRTY_TRACKING: 2,
  IOMMU_HWPT_FAULT_ID_VALID: 4,
  IOMMU_HWPT_ALLOC_PASID: 8,
  IOMMU_HWPT_DATA_NONE: 0,
  IOMMU_HWPT_DATA_VTD_S1: 1,
  IOMMU_HW_INFO_TYPE_DEFAULT: 0,
  IOMMU_HW_INFO_TYPE_NONE: 0,
  IOMMU_HW_INFO_TYPE_INTEL_VTD: 1,
  IOMMU_HW_INFO_FLAG_INPUT_TYPE: 1,
  IOMMU_HW_CAP_DIRTY_TRACKING: 1,
  IOMMU_HW_CAP_PCI_PASID_EXEC: 2,
  IOMMU_HW_CAP_PCI_PASID_PRIV: 4,
  IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED: 8,
  IOMMU_HWPT_DIRTY_TRACKING_ENABLE: 1,
  IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR: 1,
  IOMMU_HWPT_INVALIDATE_DATA_VTD_S1: 0,
  IOMMU_VTD_S1_SRE: 1,
  IOMMU_VTD_S1_EAFE: 2,
  IOMMU_VTD_S1_WPE: 4,
  IOMMU_VTD_INV_FLAGS_LEAF: 1,
  IOMMU_PGFAULT_FLAGS_PASID_VALID: 1,
  IOMMU_PGFAULT_FLAGS_LAST_PAGE: 2,
  IOMMU_PGFAULT_PERM_READ: 1,
  IOMMU_PGFAULT_PERM_WRITE: 2,
  IOMMU_PGFAULT_PERM_EXEC: 4,
  IOMMU_PGFAULT_PERM_PRIV: 8,
  IOMMUFD_PAGE_RESP_SUCCESS: 0,
  IOMMUFD_PAGE_RESP_INVALID: 1,
  IOMMU_VIOMMU_TYPE_DEFAULT: 0,
  IOMMU_VEVENTQ_FLAG_LOST_EVENTS: 1,
  IOMMU_VEVENTQ_TYPE_DEFAULT: 0,
  IOMMU_HW_QUEUE_TYPE_DEFAULT: 0,
} as const;

export const iommu_destroy = struct('iommu_destroy', { size: 'u32', id: 'u32' });
export const iommu_ioas_alloc = struct('iommu_ioas_alloc', { size: 'u32', flags: 'u32', out_ioas_id: 'u32' });
export const iommu_iova_range = struct('iommu_iova_range', { start: 'u64', last: 'u64' });
export const iommu_ioas_iova_ranges = struct('iommu_ioas_iova_ranges', {
  size: 'u32',
  ioas_id: 'u32',
  num_iovas: 'u32',
  __reserved: 'u32',
  allowed_iovas: 'u64',
  out_iova_alignment: 'u64',
});
export const iommu_ioas_allow_iovas = struct('iommu_ioas_allow_iovas', {
  size: 'u32',
  ioas_id: 'u32',
  num_iovas: 'u32',
  __reserved: 'u32',
  allowed_iovas: 'u64',
});
export const iommu_ioas_map = struct('iommu_ioas_map', {
  size: 'u32',
  flags: 'u32',
  ioas_id: 'u32',
  __reserved: 'u32',
  user_va: 'u64',
  length: 'u64',
  iova: 'u64',
});
export const iommu_ioas_map_file = struct('iommu_ioas_map_file', {
  size: 'u32',
  flags: 'u32',
  ioas_id: 'u32',
  fd: 's32',
  start: 'u64',
  length: 'u64',
  iova: 'u64',
});
export const iommu_ioas_copy = struct('iommu_ioas_copy', {
  size: 'u32',
  flags: 'u32',
  dst_ioas_id: 'u32',
  src_ioas_id: 'u32',
  length: 'u64',
  dst_iova: 'u64',
  src_iova: 'u64',
});
export const iommu_ioas_unmap = struct('iommu_ioas_unmap', { size: 'u32', ioas_id: 'u32', iova: 'u64', length: 'u64' });
export const iommu_option = struct('iommu_option', {
  size: 'u32',
  option_id: 'u32',
  op: 'u16',
  __reserved: 'u16',
  object_id: 'u32',
  val64: 'u64',
});
export const iommu_vfio_ioas = struct('iommu_vfio_ioas', { size: 'u32', ioas_id: 'u32', op: 'u16', __reserved: 'u16' });
export const iommu_hwpt_alloc = struct('iommu_hwpt_alloc', {
  size: 'u32',
  flags: 'u32',
  dev_id: 'u32',
  pt_id: 'u32',
  out_hwpt_id: 'u32',
  __reserved: 'u32',
  data_type: 'u32',
  data_len: 'u32',
  data_uptr: 'u64',
  fault_id: 'u32',
  __reserved2: 'u32',
});
export const iommu_hwpt_vtd_s1 = struct('iommu_hwpt_vtd_s1', {
  flags: 'u64',
  pgtbl_addr: 'u64',
  addr_width: 'u32',
  __reserved: 'u32',
});
export const iommu_hw_info_vtd = struct('iommu_hw_info_vtd', {
  flags: 'u32',
  __reserved: 'u32',
  cap_reg: 'u64',
  ecap_reg: 'u64',
});
export const iommu_hwpt_vtd_s1_invalidate = struct('iommu_hwpt_vtd_s1_invalidate', {
  addr: 'u64',
  npages: 'u64',
  flags: 'u32',
  __reserved: 'u32',
});
/** `data_type` is in_data_type and out_data_type: they share their place. */
export const iommu_hw_info = struct('iommu_hw_info', {
  size: 'u32',
  flags: 'u32',
  dev_id: 'u32',
  data_len: 'u32',
  data_uptr: 'u64',
  data_type: 'u32',
  out_max_pasid_log2: 'u8',
  __reserved: 'u8[3]',
  out_capabilities: 'u64',
});
export const iommu_hwpt_set_dirty_tracking = struct('iommu_hwpt_set_dirty_tracking', {
  size: 'u32',
  flags: 'u32',
  hwpt_id: 'u32',
  __reserved: 'u32',
});
export const iommu_hwpt_get_dirty_bitmap = struct('iommu_hwpt_get_dirty_bitmap', {
  size: 'u32',
  hwpt_id: 'u32',
  flags: 'u32',
  __reserved: 'u32',
  iova: 'u64',
  length: 'u64',
  page_size: 'u64',
  data: 'u64',
});
export const iommu_hwpt_invalidate = struct('iommu_hwpt_invalidate', {
  size: 'u32',
  hwpt_id: 'u32',
  data_uptr: 'u64',
  data_type: 'u32',
  entry_len: 'u32',
  entry_num: 'u32',
  __reserved: 'u32',
});
export const iommu_hwpt_pgfault = struct('iommu_hwpt_pgfault', {
  flags: 'u32',
  dev_id: 'u32',
  pasid: 'u32',
  grpid: 'u32',
  perm: 'u32',
  __reserved: 'u32',
  addr: 'u64',
  length: 'u32',
  cookie: 'u32',
});
export const iommu_hwpt_page_response = struct('iommu_hwpt_page_response', { cookie: 'u32', code: 'u32' });
export const iommu_fault_alloc = struct('iommu_fault_alloc', {
  size: 'u32',
  flags: 'u32',
  out_fault_id: 'u32',
  out_fault_fd: 'u32',
});
export const iommu_viommu_alloc = struct('iommu_viommu_alloc', {
  size: 'u32',
  flags: 'u32',
  type: 'u32',
  dev_id: 'u32',
  hwpt_id: 'u32',
  out_viommu_id: 'u32',
  data_len: 'u32',
  __reserved: 'u32',
  data_uptr: 'u64',
});
export const iommu_vdevice_alloc = struct('iommu_vdevice_alloc', {
  size: 'u32',
  viommu_id: 'u32',
  dev_id: 'u32',
  out_vdevice_id: 'u32',
  virt_id: 'u64',
});
export const iommu_ioas_change_process = struct('iommu_ioas_change_process', { size: 'u32', __reserved: 'u32' });
export const iommufd_vevent_header = struct('iommufd_vevent_header', { flags: 'u32', sequence: 'u32' });
export const iommu_veventq_alloc = struct('iommu_veventq_alloc', {
  size: 'u32',
  flags: 'u32',
  viommu_id: 'u32',
  type: 'u32',
  veventq_depth: 'u32',
  out_veventq_id: 'u32',
  out_veventq_fd: 'u32',
  __reserved: 'u32',
});
export const iommu_hw_queue_alloc = struct('iommu_hw_queue_alloc', {
  size: 'u32',
  flags: 'u32',
  viommu_id: 'u32',
  type: 'u32',
  index: 'u32',
  out_hw_queue_id: 'u32',
  nesting_parent_iova: 'u64',
  length: 'u64',
});

/** _IO numbers: neither direction nor size. */
const nr = (command: number): number => io(IOMMUFD_TYPE, command);

export const IOMMUFD_IOCTLS = {
  DESTROY: linuxs('IOMMU_DESTROY', nr(0x80), iommu_destroy),
  IOAS_ALLOC: linuxs('IOMMU_IOAS_ALLOC', nr(0x81), iommu_ioas_alloc),
  IOAS_ALLOW_IOVAS: linuxs('IOMMU_IOAS_ALLOW_IOVAS', nr(0x82), iommu_ioas_allow_iovas),
  IOAS_COPY: linuxs('IOMMU_IOAS_COPY', nr(0x83), iommu_ioas_copy),
  IOAS_IOVA_RANGES: linuxs('IOMMU_IOAS_IOVA_RANGES', nr(0x84), iommu_ioas_iova_ranges),
  IOAS_MAP: linuxs('IOMMU_IOAS_MAP', nr(0x85), iommu_ioas_map),
  IOAS_UNMAP: linuxs('IOMMU_IOAS_UNMAP', nr(0x86), iommu_ioas_unmap),
  OPTION: linuxs('IOMMU_OPTION', nr(0x87), iommu_option),
  VFIO_IOAS: linuxs('IOMMU_VFIO_IOAS', nr(0x88), iommu_vfio_ioas),
  HWPT_ALLOC: linuxs('IOMMU_HWPT_ALLOC', nr(0x89), iommu_hwpt_alloc),
  GET_HW_INFO: linuxs('IOMMU_GET_HW_INFO', nr(0x8a), iommu_hw_info),
  HWPT_SET_DIRTY_TRACKING: linuxs('IOMMU_HWPT_SET_DIRTY_TRACKING', nr(0x8b), iommu_hwpt_set_dirty_tracking),
  HWPT_GET_DIRTY_BITMAP: linuxs('IOMMU_HWPT_GET_DIRTY_BITMAP', nr(0x8c), iommu_hwpt_get_dirty_bitmap),
  HWPT_INVALIDATE: linuxs('IOMMU_HWPT_INVALIDATE', nr(0x8d), iommu_hwpt_invalidate),
  FAULT_QUEUE_ALLOC: linuxs('IOMMU_FAULT_QUEUE_ALLOC', nr(0x8e), iommu_fault_alloc),
  IOAS_MAP_FILE: linuxs('IOMMU_IOAS_MAP_FILE', nr(0x8f), iommu_ioas_map_file),
  VIOMMU_ALLOC: linuxs('IOMMU_VIOMMU_ALLOC', nr(0x90), iommu_viommu_alloc),
  VDEVICE_ALLOC: linuxs('IOMMU_VDEVICE_ALLOC', nr(0x91), iommu_vdevice_alloc),
  IOAS_CHANGE_PROCESS: linuxs('IOMMU_IOAS_CHANGE_PROCESS', nr(0x92), iommu_ioas_change_process),
  VEVENTQ_ALLOC: linuxs('IOMMU_VEVENTQ_ALLOC', nr(0x93), iommu_veventq_alloc),
  HW_QUEUE_ALLOC: linuxs('IOMMU_HW_QUEUE_ALLOC', nr(0x94), iommu_hw_queue_alloc),
} as const;
