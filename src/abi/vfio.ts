/** linux/vfio.h: what of it this project serves, with its Linux layouts. Our own additions are in ioasid.ts. */
import { io, linuxs } from './ioctl.js';
import { struct } from './layout.js';

export const VFIO_TYPE = 0x3b;
export const VFIO_BASE = 100;

export const LINUX_VFIO = {
  VFIO_DEVICE_FLAGS_RESET: 1 << 0,
  VFIO_DEVICE_FLAGS_PCI: 1 << 1,
  VFIO_DEVICE_FLAGS_CAPS: 1 << 7,
  VFIO_REGION_INFO_FLAG_READ: 1 << 0,
  VFIO_REGION_INFO_FLAG_WRITE: 1 << 1,
  VFIO_REGION_INFO_FLAG_MMAP: 1 << 2,
  VFIO_REGION_INFO_FLAG_CAPS: 1 << 3,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP: 1,
  VFIO_REGION_INFO_CAP_MSIX_MAPPABLE: 3,
  VFIO_IRQ_INFO_EVENTFD: 1 << 0,
  VFIO_IRQ_INFO_NORESIZE: 1 << 3,
  VFIO_IRQ_SET_DATA_NONE: 1 << 0,
  VFIO_IRQ_SET_DATA_BOOL: 1 << 1,
  VFIO_IRQ_SET_DATA_EVENTFD: 1 << 2,
  VFIO_IRQ_SET_ACTION_MASK: 1 << 3,
  VFIO_IRQ_SET_ACTION_UNMASK: 1 << 4,
  VFIO_IRQ_SET_ACTION_TRIGGER: 1 << 5,
  VFIO_PCI_BAR0_REGION_INDEX: 0,
  VFIO_PCI_BAR2_REGION_INDEX: 2,
  VFIO_PCI_ROM_REGION_INDEX: 6,
  VFIO_PCI_CONFIG_REGION_INDEX: 7,
  VFIO_PCI_NUM_REGIONS: 9,
  VFIO_PCI_MSIX_IRQ_INDEX: 2,
  VFIO_PCI_NUM_IRQS: 5,
} as const;

export const vfio_device_info = struct('vfio_device_info', {
  argsz: 'u32',
  flags: 'u32',
  num_regions: 'u32',
  num_irqs: 'u32',
  cap_offset: 'u32',
  pad: 'u32',
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
export const vfio_info_cap_header = struct('vfio_info_cap_header', { id: 'u16', version: 'u16', next: 'u32' });

export const vfio_region_info_cap_sparse_mmap = struct('vfio_region_info_cap_sparse_mmap', {
  id: 'u16',
  version: 'u16',
  next: 'u32',
  nr_areas: 'u32',
  reserved: 'u32',
});
export const vfio_region_sparse_mmap_area = struct('vfio_region_sparse_mmap_area', { offset: 'u64', size: 'u64' });
/** struct vfio_pci_dependent_device follows, `count` times. */
export const vfio_pci_hot_reset_info = struct('vfio_pci_hot_reset_info', {
  argsz: 'u32',
  flags: 'u32',
  count: 'u32',
});
export const vfio_pci_dependent_device = struct('vfio_pci_dependent_device', {
  id: 'u32',
  segment: 'u16',
  bus: 'u8',
  devfn: 'u8',
});
/** Descriptors of groups follow, s32 each, `count` of them. */
export const vfio_pci_hot_reset = struct('vfio_pci_hot_reset', { argsz: 'u32', flags: 'u32', count: 'u32' });
export const vfio_device_ioeventfd = struct('vfio_device_ioeventfd', {
  argsz: 'u32',
  flags: 'u32',
  offset: 'u64',
  data: 'u64',
  fd: 's32',
  reserved: 'u32',
});
/** Data of the feature follows. */
export const vfio_device_feature = struct('vfio_device_feature', { argsz: 'u32', flags: 'u32' });
export const VFIO_PCI_HOT_RESET_FLAG = { DEV_ID: 1, DEV_ID_OWNED: 2 } as const;
export const VFIO_DEVICE_FEATURE = {
  MASK: 0xffff,
  GET: 1 << 16,
  SET: 1 << 17,
  PROBE: 1 << 18,
  PCI_VF_TOKEN: 0,
  LOW_POWER_ENTRY: 3,
  LOW_POWER_ENTRY_WITH_WAKEUP: 4,
  LOW_POWER_EXIT: 5,
  DMA_BUF: 11,
  PRECOPY_INFO_V2: 12,
} as const;

export const vfio_device_bind_iommufd = struct('vfio_device_bind_iommufd', {
  argsz: 'u32',
  flags: 'u32',
  iommufd: 's32',
  out_devid: 'u32',
  token_uuid_ptr: 'u64',
});
export const vfio_device_attach_iommufd_pt = struct('vfio_device_attach_iommufd_pt', {
  argsz: 'u32',
  flags: 'u32',
  pt_id: 'u32',
  pasid: 'u32',
});
export const vfio_device_detach_iommufd_pt = struct('vfio_device_detach_iommufd_pt', {
  argsz: 'u32',
  flags: 'u32',
  pasid: 'u32',
});

/** The ioctls of a device. */
export const VFIO_DEVICE_IOCTLS = {
  GET_INFO: linuxs('VFIO_DEVICE_GET_INFO', io(VFIO_TYPE, VFIO_BASE + 7), vfio_device_info),
  GET_REGION_INFO: linuxs('VFIO_DEVICE_GET_REGION_INFO', io(VFIO_TYPE, VFIO_BASE + 8), vfio_region_info),
  GET_IRQ_INFO: linuxs('VFIO_DEVICE_GET_IRQ_INFO', io(VFIO_TYPE, VFIO_BASE + 9), vfio_irq_info),
  SET_IRQS: linuxs('VFIO_DEVICE_SET_IRQS', io(VFIO_TYPE, VFIO_BASE + 10), vfio_irq_set),
  RESET: linuxs('VFIO_DEVICE_RESET', io(VFIO_TYPE, VFIO_BASE + 11), 'none'),
  GET_PCI_HOT_RESET_INFO: linuxs(
    'VFIO_DEVICE_GET_PCI_HOT_RESET_INFO',
    io(VFIO_TYPE, VFIO_BASE + 12),
    vfio_pci_hot_reset_info,
  ),
  PCI_HOT_RESET: linuxs('VFIO_DEVICE_PCI_HOT_RESET', io(VFIO_TYPE, VFIO_BASE + 13), vfio_pci_hot_reset),
  IOEVENTFD: linuxs('VFIO_DEVICE_IOEVENTFD', io(VFIO_TYPE, VFIO_BASE + 16), vfio_device_ioeventfd),
  FEATURE: linuxs('VFIO_DEVICE_FEATURE', io(VFIO_TYPE, VFIO_BASE + 17), vfio_device_feature),
} as const;

/** What a device takes to be used through an iommufd. */
export const VFIO_IOMMUFD_IOCTLS = {
  BIND: linuxs('VFIO_DEVICE_BIND_IOMMUFD', io(VFIO_TYPE, VFIO_BASE + 18), vfio_device_bind_iommufd),
  ATTACH: linuxs('VFIO_DEVICE_ATTACH_IOMMUFD_PT', io(VFIO_TYPE, VFIO_BASE + 19), vfio_device_attach_iommufd_pt),
  DETACH: linuxs('VFIO_DEVICE_DETACH_IOMMUFD_PT', io(VFIO_TYPE, VFIO_BASE + 20), vfio_device_detach_iommufd_pt),
} as const;

export const VFIO_IOMMUFD = {
  VFIO_DEVICE_BIND_FLAG_TOKEN: 1,
  VFIO_DEVICE_ATTACH_PASID: 1,
} as const;
