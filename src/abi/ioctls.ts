/**
 * The ioctls, by kind of open file: number, name, and what the argument is. A number means nothing by itself, since
 * Linux uses numbers again for each kind of file; so there is one table a kind.
 * The numbers of this project come from uapi-ioasid.md (sections 2 to 4), Linux's from linux/vfio.h and linux/kvm.h.
 */
import { IOASID_BASE, IOASID_TYPE, io, KVMIO, VFIO_BASE, VFIO_TYPE } from './constants.js';
import type { Struct } from './layout.js';
import * as linux from './linux-structs.js';
import * as uapi from './structs.js';

/** How the argument of an ioctl is to be read. */
export type Argument = 'none' | 'value' | 'fd' | Struct;

export interface Ioctl<A extends Argument = Argument> {
  readonly name: string;
  /** The whole request number, as ioctl(2) takes it. */
  readonly request: number;
  readonly argument: A;
  /** True if Linux's own headers define it: our header does not repeat it. */
  readonly linux: boolean;
}

/** A request number with a size and a direction: _IOC of asm-generic/ioctl.h. 1 = the program writes, 3 = both ways. */
function ioc(direction: 1 | 3, type: number, nr: number, size: number): number {
  return ((direction << 30) | (size << 16) | io(type, nr)) >>> 0;
}

function ours<A extends Argument>(name: string, type: number, nr: number, argument: A): Ioctl<A> {
  return { name, request: io(type, nr), argument, linux: false };
}
function linuxs<A extends Argument>(name: string, request: number, argument: A): Ioctl<A> {
  return { name, request, argument, linux: true };
}

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

export const VFIO_IOCTLS = {
  BIND_IOASID_FD: ours('VFIO_BIND_IOASID_FD', VFIO_TYPE, VFIO_BASE + 22, uapi.vfio_bind_ioasid_fd),
  UNBIND_IOASID_FD: ours('VFIO_UNBIND_IOASID_FD', VFIO_TYPE, VFIO_BASE + 23, 'none'),
  ATTACH_IOASID: ours('VFIO_ATTACH_IOASID', VFIO_TYPE, VFIO_BASE + 24, uapi.vfio_attach_ioasid),
  DETACH_IOASID: ours('VFIO_DETACH_IOASID', VFIO_TYPE, VFIO_BASE + 25, uapi.vfio_attach_ioasid),
  DEVICE_GET_INFO: linuxs('VFIO_DEVICE_GET_INFO', io(VFIO_TYPE, VFIO_BASE + 7), linux.vfio_device_info),
  DEVICE_GET_REGION_INFO: linuxs('VFIO_DEVICE_GET_REGION_INFO', io(VFIO_TYPE, VFIO_BASE + 8), linux.vfio_region_info),
  DEVICE_GET_IRQ_INFO: linuxs('VFIO_DEVICE_GET_IRQ_INFO', io(VFIO_TYPE, VFIO_BASE + 9), linux.vfio_irq_info),
  DEVICE_SET_IRQS: linuxs('VFIO_DEVICE_SET_IRQS', io(VFIO_TYPE, VFIO_BASE + 10), linux.vfio_irq_set),
  DEVICE_RESET: linuxs('VFIO_DEVICE_RESET', io(VFIO_TYPE, VFIO_BASE + 11), 'none'),
} as const;

export const KVM_IOCTLS = {
  GET_API_VERSION: linuxs('KVM_GET_API_VERSION', io(KVMIO, 0x00), 'value'),
  CREATE_VM: linuxs('KVM_CREATE_VM', io(KVMIO, 0x01), 'value'),
  CHECK_EXTENSION: linuxs('KVM_CHECK_EXTENSION', io(KVMIO, 0x03), 'value'),
} as const;

export const KVM_VM_IOCTLS = {
  CHECK_EXTENSION: linuxs('KVM_CHECK_EXTENSION', io(KVMIO, 0x03), 'value'),
  SET_USER_MEMORY_REGION: linuxs(
    'KVM_SET_USER_MEMORY_REGION',
    ioc(1, KVMIO, 0x46, linux.kvm_userspace_memory_region.size),
    linux.kvm_userspace_memory_region,
  ),
  ENABLE_CAP: linuxs('KVM_ENABLE_CAP', ioc(1, KVMIO, 0xa3, linux.kvm_enable_cap.size), linux.kvm_enable_cap),
  CREATE_DEVICE: linuxs(
    'KVM_CREATE_DEVICE',
    ioc(3, KVMIO, 0xe0, linux.kvm_create_device.size),
    linux.kvm_create_device,
  ),
  MAP_PASID: ours('KVM_MAP_PASID', KVMIO, 0xf0, uapi.kvm_pasid_map),
  UNMAP_PASID: ours('KVM_UNMAP_PASID', KVMIO, 0xf1, uapi.kvm_pasid_map),
  ENABLE_WBINVD: ours('KVM_ENABLE_WBINVD', KVMIO, 0xf2, 'fd'),
  GUEST_OP: ours('KVM_GUEST_OP', KVMIO, 0xf3, uapi.kvm_guest_op),
} as const;

export const KVM_DEVICE_IOCTLS = {
  SET_DEVICE_ATTR: linuxs(
    'KVM_SET_DEVICE_ATTR',
    ioc(1, KVMIO, 0xe1, linux.kvm_device_attr.size),
    linux.kvm_device_attr,
  ),
  GET_DEVICE_ATTR: linuxs(
    'KVM_GET_DEVICE_ATTR',
    ioc(1, KVMIO, 0xe2, linux.kvm_device_attr.size),
    linux.kvm_device_attr,
  ),
  HAS_DEVICE_ATTR: linuxs(
    'KVM_HAS_DEVICE_ATTR',
    ioc(1, KVMIO, 0xe3, linux.kvm_device_attr.size),
    linux.kvm_device_attr,
  ),
} as const;

/** Every table, for the header and its test. */
export const IOCTL_TABLES: readonly Readonly<Record<string, Ioctl>>[] = [
  IOASID_IOCTLS,
  VFIO_IOCTLS,
  KVM_IOCTLS,
  KVM_VM_IOCTLS,
  KVM_DEVICE_IOCTLS,
];
