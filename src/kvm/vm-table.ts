/** The ioctls of a VM (linux/kvm.h; uapi-ioasid.md, section 4). */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { O } from '../abi/fcntl.js';
import { KVM } from '../abi/ioasid/constants.js';
import { KVM_IOASID_IOCTLS } from '../abi/ioasid/ioctls.js';
import { KVM_VM_IOCTLS as IOCTL, LINUX_KVM } from '../abi/kvm.js';
import { ARGSZ, FIXED_SIZE } from '../kernel/file/convention.js';
import { IoctlTable, Rows } from '../kernel/file/ioctl.js';
import type { Caller } from '../kernel/file/open-file.js';
import { WORK_QUEUES, type WorkQueues } from '../kernel/proof.js';
import { guestOperation } from './guest.js';
import { MEMORY_SLOTS } from './guest-memory.js';
import { openKvmVfio } from './kvm-vfio.js';
import type { Vm } from './vm.js';

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

function notIoasid(fd: number, name = 'a file'): Errno {
  return new Errno('EINVAL', `descriptor ${fd} is ${name}, not /dev/ioasid`);
}

/** The work queues behind a descriptor. @throws EBADF no such descriptor; EINVAL another kind of file */
function queuesOf(caller: Caller, fd: number): WorkQueues {
  const file = caller.file(fd);
  const queues = file?.facet(WORK_QUEUES);
  if (!queues) throw notIoasid(fd, file?.name);
  return queues;
}

const rows = new Rows<Vm>(FIXED_SIZE);
/** Our own additions say their size. */
const sized = new Rows<Vm>(ARGSZ);

export const VM_TABLE = new IoctlTable<Vm>('a VM', [
  rows.value(IOCTL.CHECK_EXTENSION, (_vm, capability) => checkExtension(capability)),
  rows.struct(IOCTL.ENABLE_CAP, {
    flags: 0,
    run: (vm, { cap }) => {
      if (cap !== KVM.KVM_CAP_DISABLE_WBINVD) throw new Errno('EINVAL', `capability ${hex(cap)} cannot be enabled`);
      vm.host.authority.disable(vm.record);
      return 0;
    },
  }),
  rows.struct(IOCTL.CREATE_DEVICE, {
    probe: true,
    run: (vm, args, caller) => {
      const { type, flags } = args;
      if (type !== LINUX_KVM.KVM_DEV_TYPE_VFIO)
        throw new Errno('ENODEV', `KVM device type ${type} does not exist here`);
      if (flags & LINUX_KVM.KVM_CREATE_DEVICE_TEST) return 0;
      if (vm.hasVfioDevice) throw new Errno('EBUSY', `VM ${vm.id} has its kvm-vfio device already`);
      args.fd = caller.install(openKvmVfio(vm), O.CLOEXEC);
      vm.hasVfioDevice = true;
      return 0;
    },
  }),
  rows.value(KVM_IOASID_IOCTLS.ENABLE_WBINVD, (vm, fd, caller) => {
    const number = Number(BigInt.asIntN(32, fd));
    const file = caller.file(number);
    if (!file?.facet(WORK_QUEUES)) throw notIoasid(number, file?.name);
    vm.requireRight(file);
    vm.show(file);
    return 0;
  }),
  rows.struct(IOCTL.SET_USER_MEMORY_REGION, {
    run: (vm, { slot, flags, guest_phys_addr, memory_size, userspace_addr }) => {
      vm.memory.set(slot, flags, guest_phys_addr, memory_size, userspace_addr);
      return 0;
    },
  }),
  sized.struct(KVM_IOASID_IOCTLS.MAP_PASID, {
    flags: 0,
    run: (vm, { ioasid_fd, user_pasid, ioasid }, caller) => {
      vm.pasids.map(queuesOf(caller, ioasid_fd), user_pasid, ioasid);
      return 0;
    },
  }),
  sized.struct(KVM_IOASID_IOCTLS.UNMAP_PASID, {
    flags: 0,
    run: (vm, { ioasid_fd, user_pasid, ioasid }, caller) => {
      vm.pasids.unmap(queuesOf(caller, ioasid_fd), user_pasid, ioasid);
      return 0;
    },
  }),
  sized.struct(KVM_IOASID_IOCTLS.GUEST_OP, { flags: 0, probe: true, run: guestOperation }),
]);
