/**
 * Our own C header: the structs of /dev/ioasid and of what it adds to VFIO and KVM (uapi-ioasid.md, sections 2 to 4).
 */
import { struct } from '../layout.js';

export const ioasid_memory = struct('ioasid_memory', { argsz: 'u32', flags: 'u32', vaddr: 'u64', size: 'u64' });
export const ioasid_alloc = struct('ioasid_alloc', { argsz: 'u32', flags: 'u32' });
export const ioasid_info = struct('ioasid_info', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  parent: 'u32',
  pgsizes: 'u64',
  pgtable_formats: 'u64',
  addr_width: 'u32',
  nr_devices: 'u32',
  nr_children: 'u32',
  nr_ranges: 'u32',
  ranges: 'u64',
});
export const ioasid_range = struct('ioasid_range', { start: 'u64', last: 'u64' });
export const ioasid_dma_map = struct('ioasid_dma_map', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  resv: 'u32',
  vaddr: 'u64',
  iova: 'u64',
  size: 'u64',
});
export const ioasid_dma_unmap = struct('ioasid_dma_unmap', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  resv: 'u32',
  iova: 'u64',
  size: 'u64',
});
export const ioasid_bind_pgtable = struct('ioasid_bind_pgtable', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  format: 'u32',
  addr: 'u64',
  addr_width: 'u32',
  resv: 'u32',
});
export const ioasid_bind_pasid_table = struct('ioasid_bind_pasid_table', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  format: 'u32',
  addr: 'u64',
  pasid_bits: 'u32',
  resv: 'u32',
});
export const ioasid_invalidate = struct('ioasid_invalidate', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  granularity: 'u32',
  iova: 'u64',
  size: 'u64',
  cookie: 'u64',
  pasid: 'u32',
  resv: 'u32',
});
export const ioasid_device_info = struct('ioasid_device_info', {
  argsz: 'u32',
  flags: 'u32',
  cookie: 'u64',
  pgsizes: 'u64',
  pgtable_formats: 'u64',
  addr_width: 'u32',
  pasid_bits: 'u32',
  group: 'u32',
  iommu: 'u32',
});
export const ioasid_fault_fd = struct('ioasid_fault_fd', { argsz: 'u32', flags: 'u32', ioasid: 'u32', resv: 'u32' });
export const ioasid_fault = struct('ioasid_fault', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  pasid: 'u32',
  cookie: 'u64',
  addr: 'u64',
  perm: 'u32',
  grpid: 'u32',
  code: 'u32',
  resv: 'u32',
});
export const ioasid_page_response = struct('ioasid_page_response', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  grpid: 'u32',
  cookie: 'u64',
  code: 'u32',
  pasid: 'u32',
});
export const ioasid_dirty_tracking = struct('ioasid_dirty_tracking', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  resv: 'u32',
});
export const ioasid_dirty_bitmap = struct('ioasid_dirty_bitmap', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  resv: 'u32',
  iova: 'u64',
  size: 'u64',
  page_size: 'u64',
  data: 'u64',
});
export const ioasid_event = struct('ioasid_event', {
  argsz: 'u32',
  type: 'u32',
  ioasid: 'u32',
  resv: 'u32',
  cookie: 'u64',
});

export const vfio_bind_ioasid_fd = struct('vfio_bind_ioasid_fd', {
  argsz: 'u32',
  flags: 'u32',
  ioasid_fd: 's32',
  resv: 'u32',
  cookie: 'u64',
});
export const vfio_attach_ioasid = struct('vfio_attach_ioasid', {
  argsz: 'u32',
  flags: 'u32',
  ioasid: 'u32',
  user_pasid: 'u32',
});
/**
 * The capability VFIO_DEVICE_INFO_CAP_PASID: Linux's struct vfio_info_cap_header, then two words (section 3).
 * The specification gives it no C name, so the header has none.
 */
export const vfio_device_info_cap_pasid = struct('vfio_device_info_cap_pasid', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  flags: 'u32',
  pasid_bits: 'u32',
});

export const kvm_pasid_map = struct('kvm_pasid_map', {
  argsz: 'u32',
  flags: 'u32',
  user_pasid: 'u32',
  ioasid_fd: 's32',
  ioasid: 'u32',
  resv: 'u32',
});
export const kvm_guest_op = struct('kvm_guest_op', {
  argsz: 'u32',
  flags: 'u32',
  op: 'u32',
  result: 'u32',
  arg0: 'u64',
  arg1: 'u64',
});
