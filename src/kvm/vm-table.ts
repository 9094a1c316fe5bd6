/** The ioctls of a VM (linux/kvm.h; uapi-ioasid.md, section 4). */
import { KVM } from '../abi/constants.js';
import { KVM_VM_IOCTLS as IOCTL } from '../abi/ioctls.js';
import { LINUX_KVM, O } from '../abi/linux-constants.js';
import { kvm_create_device, kvm_enable_cap, kvm_userspace_memory_region } from '../abi/linux-structs.js';
import { kvm_pasid_map } from '../abi/structs.js';
import { Errno, hex } from '../kernel/errno.js';
import { IoctlTable } from '../kernel/ioctl.js';
import { OpenFile } from '../kernel/open-file.js';
import { contextOf } from '../vfio/table.js';
import { guestOperation } from './guest.js';
import { MEMORY_SLOTS } from './guest-memory.js';
import { KvmVfioFile } from './kvm-vfio.js';
import type { VmFile } from './vm-file.js';

const CAPABILITIES: ReadonlyMap<bigint, number> = new Map(
  [
    [LINUX_KVM.KVM_CAP_USER_MEMORY, 1],
    [LINUX_KVM.KVM_CAP_NR_MEMSLOTS, MEMORY_SLOTS],
    [LINUX_KVM.KVM_CAP_DESTROY_MEMORY_REGION_WORKS, 1],
    [LINUX_KVM.KVM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1],
    [LINUX_KVM.KVM_CAP_READONLY_MEM, 1],
    [LINUX_KVM.KVM_CAP_DEVICE_CTRL, 1],
    [LINUX_KVM.KVM_CAP_ENABLE_CAP_VM, 1],
    [LINUX_KVM.KVM_CAP_CHECK_EXTENSION_VM, 1],
    [KVM.KVM_CAP_DISABLE_WBINVD, 1],
  ].map(([capability = 0, value = 0]) => [BigInt(capability), value]),
);

/** KVM_CHECK_EXTENSION: 0 for a capability that is not there. */
export function checkExtension(capability: bigint): number {
  return CAPABILITIES.get(capability) ?? 0;
}

export const VM_TABLE = new IoctlTable<VmFile>('a VM', [
  { ioctl: IOCTL.CHECK_EXTENSION, run: (_vm, _caller, _args, capability) => checkExtension(capability) },
  {
    ioctl: IOCTL.ENABLE_CAP,
    flags: 0,
    run: (vm, _caller, args) => {
      const capability = kvm_enable_cap.get.cap(args);
      if (capability !== KVM.KVM_CAP_DISABLE_WBINVD)
        throw new Errno('EINVAL', `capability ${hex(capability)} cannot be enabled`);
      vm.host.authority.disable(vm.record);
      return 0;
    },
  },
  {
    ioctl: IOCTL.CREATE_DEVICE,
    probe: true,
    run: (vm, caller, args) => {
      const { get, set } = kvm_create_device;
      const type = get.type(args);
      if (type !== LINUX_KVM.KVM_DEV_TYPE_VFIO)
        throw new Errno('ENODEV', `KVM device type ${type} does not exist here`);
      if (get.flags(args) & LINUX_KVM.KVM_CREATE_DEVICE_TEST) return 0;
      if (vm.hasVfioDevice) throw new Errno('EBUSY', `VM ${vm.id} has its kvm-vfio device already`);
      const fd = caller.install(new OpenFile(new KvmVfioFile(vm)), O.CLOEXEC);
      vm.hasVfioDevice = true;
      set.fd(args, fd);
      return 0;
    },
  },
  {
    ioctl: IOCTL.ENABLE_WBINVD,
    run: (vm, caller, _args, fd) => {
      const number = Number(BigInt.asIntN(32, fd));
      contextOf(caller, number).requireFlushRight();
      const file = caller.file(number);
      if (file) vm.show(file);
      return 0;
    },
  },
  {
    ioctl: IOCTL.SET_USER_MEMORY_REGION,
    run: (vm, _caller, args) => {
      const { get } = kvm_userspace_memory_region;
      vm.memory.set(
        get.slot(args),
        get.flags(args),
        get.guest_phys_addr(args),
        get.memory_size(args),
        get.userspace_addr(args),
      );
      return 0;
    },
  },
  {
    ioctl: IOCTL.MAP_PASID,
    flags: 0,
    run: (vm, caller, args) => {
      const { get } = kvm_pasid_map;
      const context = contextOf(caller, get.ioasid_fd(args));
      vm.pasids.map(context, get.user_pasid(args), get.ioasid(args));
      return 0;
    },
  },
  {
    ioctl: IOCTL.UNMAP_PASID,
    flags: 0,
    run: (vm, caller, args) => {
      const { get } = kvm_pasid_map;
      vm.pasids.unmap(contextOf(caller, get.ioasid_fd(args)), get.user_pasid(args), get.ioasid(args));
      return 0;
    },
  },
  { ioctl: IOCTL.GUEST_OP, flags: 0, probe: true, run: (vm, _caller, args) => guestOperation(vm, args) },
]);
