/**
 * Our own C header: the ioctls of /dev/ioasid, and those that it adds to a VFIO device and to KVM
 * (uapi-ioasid.md, sections 2 to 4).
 */

import { ours } from '../ioctl.js';
import { KVMIO } from '../kvm.js';
import { VFIO_BASE, VFIO_TYPE } from '../vfio.js';
import { IOASID_BASE, IOASID_TYPE } from './constants.js';
import * as uapi from './structs.js';

export const IOASID_IOCTLS = {
  CHECK_EXTENSION: ours('IOASID_CHECK_EXTENSION', IOASID_TYPE, IOASID_BASE + 0, 'value'),
  REGISTER_MEMORY: ours('IOASID_REGISTER_MEMORY', IOASID_TYPE, IOASID_BASE + 1, uapi.ioasid_memory),
  UNREGISTER_MEMORY: ours('IOASID_UNREGISTER_MEMORY', IOASID_TYPE, IOASID_BASE + 2, uapi.ioasid_memory),
  ALLOC: ours('IOASID_ALLOC', IOASID_TYPE, IOASID_BASE + 3, uapi.ioasid_alloc),
  FREE: ours('IOASID_FREE', IOASID_TYPE, IOASID_BASE + 4, 'value'),
  GET_INFO: ours('IOASID_GET_INFO', IOASID_TYPE, IOASID_BASE + 5, uapi.ioasid_info),
  MAP_DMA: ours('IOASID_MAP_DMA', IOASID_TYPE, IOASID_BASE + 6, uapi.ioasid_dma_map),
  UNMAP_DMA: ours('IOASID_UNMAP_DMA', IOASID_TYPE, IOASID_BASE + 7, uapi.ioasid_dma_unmap),
  CREATE_NESTING: ours('IOASID_CREATE_NESTING', IOASID_TYPE, IOASID_BASE + 8, 'value'),
  BIND_PGTABLE: ours('IOASID_BIND_PGTABLE', IOASID_TYPE, IOASID_BASE + 9, uapi.ioasid_bind_pgtable),
  UNBIND_PGTABLE: ours('IOASID_UNBIND_PGTABLE', IOASID_TYPE, IOASID_BASE + 10, 'value'),
  BIND_PASID_TABLE: ours('IOASID_BIND_PASID_TABLE', IOASID_TYPE, IOASID_BASE + 11, uapi.ioasid_bind_pasid_table),
  UNBIND_PASID_TABLE: ours('IOASID_UNBIND_PASID_TABLE', IOASID_TYPE, IOASID_BASE + 12, 'value'),
  INVALIDATE_CACHE: ours('IOASID_INVALIDATE_CACHE', IOASID_TYPE, IOASID_BASE + 13, uapi.ioasid_invalidate),
  EXECUTE_WBINVD: ours('IOASID_EXECUTE_WBINVD', IOASID_TYPE, IOASID_BASE + 14, 'none'),
  DEVICE_GET_INFO: ours('IOASID_DEVICE_GET_INFO', IOASID_TYPE, IOASID_BASE + 15, uapi.ioasid_device_info),
  FAULT_FD: ours('IOASID_FAULT_FD', IOASID_TYPE, IOASID_BASE + 16, uapi.ioasid_fault_fd),
  PAGE_RESPONSE: ours('IOASID_PAGE_RESPONSE', IOASID_TYPE, IOASID_BASE + 17, uapi.ioasid_page_response),
  DIRTY_TRACKING: ours('IOASID_DIRTY_TRACKING', IOASID_TYPE, IOASID_BASE + 18, uapi.ioasid_dirty_tracking),
  GET_DIRTY_BITMAP: ours('IOASID_GET_DIRTY_BITMAP', IOASID_TYPE, IOASID_BASE + 19, uapi.ioasid_dirty_bitmap),
  EVENT_FD: ours('IOASID_EVENT_FD', IOASID_TYPE, IOASID_BASE + 20, 'value'),
} as const;

/** What a VFIO device takes besides Linux's own. */
export const VFIO_IOASID_IOCTLS = {
  BIND_IOASID_FD: ours('VFIO_BIND_IOASID_FD', VFIO_TYPE, VFIO_BASE + 22, uapi.vfio_bind_ioasid_fd),
  UNBIND_IOASID_FD: ours('VFIO_UNBIND_IOASID_FD', VFIO_TYPE, VFIO_BASE + 23, 'none'),
  ATTACH_IOASID: ours('VFIO_ATTACH_IOASID', VFIO_TYPE, VFIO_BASE + 24, uapi.vfio_attach_ioasid),
  DETACH_IOASID: ours('VFIO_DETACH_IOASID', VFIO_TYPE, VFIO_BASE + 25, uapi.vfio_attach_ioasid),
} as const;

/** What a VM takes besides Linux's own. */
export const KVM_IOASID_IOCTLS = {
  MAP_PASID: ours('KVM_MAP_PASID', KVMIO, 0xf0, uapi.kvm_pasid_map),
  UNMAP_PASID: ours('KVM_UNMAP_PASID', KVMIO, 0xf1, uapi.kvm_pasid_map),
  ENABLE_WBINVD: ours('KVM_ENABLE_WBINVD', KVMIO, 0xf2, 'fd'),
  GUEST_OP: ours('KVM_GUEST_OP', KVMIO, 0xf3, uapi.kvm_guest_op),
} as const;
