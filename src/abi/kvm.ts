/** linux/kvm.h: what of it this project serves, with its Linux layouts. Our own additions are in ioasid.ts. */
import { io, ioc, linuxs } from './ioctl.js';
import { struct } from './layout.js';

export const KVMIO = 0xae;

export const LINUX_KVM = {
  KVM_API_VERSION: 12,
  KVM_DEV_TYPE_VFIO: 4,
  KVM_CREATE_DEVICE_TEST: 1,
  KVM_DEV_VFIO_FILE: 1,
  KVM_DEV_VFIO_FILE_ADD: 1,
  KVM_DEV_VFIO_FILE_DEL: 2,
  KVM_MEM_LOG_DIRTY_PAGES: 1,
  KVM_MEM_READONLY: 2,
  KVM_CAP_USER_MEMORY: 3,
  KVM_CAP_NR_MEMSLOTS: 10,
  KVM_CAP_DESTROY_MEMORY_REGION_WORKS: 21,
  KVM_CAP_JOIN_MEMORY_REGIONS_WORKS: 30,
  KVM_CAP_READONLY_MEM: 81,
  KVM_CAP_DEVICE_CTRL: 89,
  KVM_CAP_ENABLE_CAP_VM: 98,
  KVM_CAP_CHECK_EXTENSION_VM: 105,
} as const;

export const kvm_create_device = struct('kvm_create_device', { type: 'u32', fd: 'u32', flags: 'u32' });
export const kvm_device_attr = struct('kvm_device_attr', { flags: 'u32', group: 'u32', attr: 'u64', addr: 'u64' });
export const kvm_enable_cap = struct('kvm_enable_cap', { cap: 'u32', flags: 'u32', args: 'u64[4]', pad: 'u8[64]' });
export const kvm_userspace_memory_region = struct('kvm_userspace_memory_region', {
  slot: 'u32',
  flags: 'u32',
  guest_phys_addr: 'u64',
  memory_size: 'u64',
  userspace_addr: 'u64',
});

/** The ioctls of /dev/kvm, of a VM, and of a device that KVM_CREATE_DEVICE made. */
export const KVM_IOCTLS = {
  GET_API_VERSION: linuxs('KVM_GET_API_VERSION', io(KVMIO, 0x00), 'value'),
  CREATE_VM: linuxs('KVM_CREATE_VM', io(KVMIO, 0x01), 'value'),
  CHECK_EXTENSION: linuxs('KVM_CHECK_EXTENSION', io(KVMIO, 0x03), 'value'),
} as const;

export const KVM_VM_IOCTLS = {
  CHECK_EXTENSION: linuxs('KVM_CHECK_EXTENSION', io(KVMIO, 0x03), 'value'),
  SET_USER_MEMORY_REGION: linuxs(
    'KVM_SET_USER_MEMORY_REGION',
    ioc(1, KVMIO, 0x46, kvm_userspace_memory_region.size),
    kvm_userspace_memory_region,
  ),
  ENABLE_CAP: linuxs('KVM_ENABLE_CAP', ioc(1, KVMIO, 0xa3, kvm_enable_cap.size), kvm_enable_cap),
  CREATE_DEVICE: linuxs('KVM_CREATE_DEVICE', ioc(3, KVMIO, 0xe0, kvm_create_device.size), kvm_create_device),
} as const;

export const KVM_DEVICE_IOCTLS = {
  SET_DEVICE_ATTR: linuxs('KVM_SET_DEVICE_ATTR', ioc(1, KVMIO, 0xe1, kvm_device_attr.size), kvm_device_attr),
  GET_DEVICE_ATTR: linuxs('KVM_GET_DEVICE_ATTR', ioc(1, KVMIO, 0xe2, kvm_device_attr.size), kvm_device_attr),
  HAS_DEVICE_ATTR: linuxs('KVM_HAS_DEVICE_ATTR', ioc(1, KVMIO, 0xe3, kvm_device_attr.size), kvm_device_attr),
} as const;
