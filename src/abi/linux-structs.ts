/**
 * Structs that Linux defines and this project serves with their Linux layouts
 * (include/uapi/linux/vfio.h, include/uapi/linux/kvm.h). The header includes Linux's own files for them.
 */
import { struct } from './layout.js';

export const vfio_device_info = struct('vfio_device_info', {
  argsz: 'u32',
  flags: 'u32',
  num_regions: 'u32',
  num_irqs: 'u32',
  cap_offset: 'u32',
});
export const vfio_region_info = struct('vfio_region_info', {
  argsz: 'u32',
  flags: 'u32',
  index: 'u32',
  cap_offset: 'u32',
  size: 'u64',
  offset: 'u64',
});
export const vfio_irq_info = struct('vfio_irq_info', { argsz: 'u32', flags: 'u32', index: 'u32', count: 'u32' });
export const vfio_irq_set = struct('vfio_irq_set', {
  argsz: 'u32',
  flags: 'u32',
  index: 'u32',
  start: 'u32',
  count: 'u32',
  data: 'u8[]',
});

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
export const vfio_info_cap_header = struct('vfio_info_cap_header', { id: 'u16', version: 'u16', next: 'u32' });
