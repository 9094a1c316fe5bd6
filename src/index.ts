/** The library: the virtual kernel as a value, with simulated processes. No Linux and no Node needed. */
import { O } from './abi/fcntl.js';
import { IOASID_IOCTLS, KVM_IOASID_IOCTLS, VFIO_IOASID_IOCTLS } from './abi/ioasid/ioctls.js';
import * as iommufd from './abi/iommufd.js';
import * as kvm from './abi/kvm.js';
import * as vfio from './abi/vfio.js';

export { Errno, errnoName } from './abi/errno.js';
export * as constants from './abi/ioasid/constants.js';
export { printHeader } from './abi/ioasid/header.js';
export * as structs from './abi/ioasid/structs.js';
export { decodeStruct, type Struct } from './abi/layout.js';
export { policyOfModule, watched } from './authority/own-policy.js';
export { POLICY_NAMES, policyByName } from './authority/policies.js';
export type { FileFacts, Policy, Proof } from './authority/policy.js';
export { type BootedMachine, type BootOptions, bootMachine } from './boot.js';
export type { Process, ProcessOptions } from './kernel/process.js';
export type { CallRecord, Watcher } from './kernel/watchers.js';
export { DEFAULT_MACHINE } from './machine/file/default-machine.js';
export { FileError } from './machine/file/file-error.js';
export { parseMachine } from './machine/file/parse.js';
export type { MachineDescription } from './machine/file/schema.js';
export { type MachineState, machineState } from './state.js';

/** The ioctls, by kind of open file. */
export const ioctls = {
  IOASID_IOCTLS,
  VFIO_IOCTLS: {
    ...VFIO_IOASID_IOCTLS,
    DEVICE_GET_INFO: vfio.VFIO_DEVICE_IOCTLS.GET_INFO,
    DEVICE_GET_REGION_INFO: vfio.VFIO_DEVICE_IOCTLS.GET_REGION_INFO,
    DEVICE_GET_IRQ_INFO: vfio.VFIO_DEVICE_IOCTLS.GET_IRQ_INFO,
    DEVICE_SET_IRQS: vfio.VFIO_DEVICE_IOCTLS.SET_IRQS,
    DEVICE_RESET: vfio.VFIO_DEVICE_IOCTLS.RESET,
  },
  KVM_IOCTLS: kvm.KVM_IOCTLS,
  KVM_VM_IOCTLS: { ...kvm.KVM_VM_IOCTLS, ...KVM_IOASID_IOCTLS },
  KVM_DEVICE_IOCTLS: kvm.KVM_DEVICE_IOCTLS,
} as const;

/** Constants of Linux's own headers. */
export const linuxConstants = {
  O,
  LINUX_VFIO: vfio.LINUX_VFIO,
  LINUX_KVM: kvm.LINUX_KVM,
} as const;

/** Structs of Linux's own headers. */
export const linuxStructs = {
  vfio_device_info: vfio.vfio_device_info,
  vfio_region_info: vfio.vfio_region_info,
  vfio_irq_info: vfio.vfio_irq_info,
  vfio_irq_set: vfio.vfio_irq_set,
  vfio_info_cap_header: vfio.vfio_info_cap_header,
  kvm_create_device: kvm.kvm_create_device,
  kvm_device_attr: kvm.kvm_device_attr,
  kvm_enable_cap: kvm.kvm_enable_cap,
  kvm_userspace_memory_region: kvm.kvm_userspace_memory_region,
} as const;

/** /dev/iommu: ioctls, those of VFIO devices on it, flags, and the structs that are not arguments of ioctls. */
export const linuxIommufd = {
  IOMMUFD_IOCTLS: iommufd.IOMMUFD_IOCTLS,
  VFIO_IOMMUFD_IOCTLS: vfio.VFIO_IOMMUFD_IOCTLS,
  IOMMUFD: iommufd.IOMMUFD,
  iommu_hwpt_vtd_s1: iommufd.iommu_hwpt_vtd_s1,
  iommu_hwpt_vtd_s1_invalidate: iommufd.iommu_hwpt_vtd_s1_invalidate,
  iommu_hwpt_pgfault: iommufd.iommu_hwpt_pgfault,
  iommu_hwpt_page_response: iommufd.iommu_hwpt_page_response,
} as const;
