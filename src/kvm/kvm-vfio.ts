/**
 * The kvm-vfio device of a VM (Linux: virt/kvm/vfio.c): where files are added as proof. An attribute's address points
 * to an int with the descriptor. The device's open file keeps the VM alive; what was added stays with the VM.
 */
import { KVM } from '../abi/constants.js';
import { KVM_DEVICE_IOCTLS as IOCTL } from '../abi/ioctls.js';
import { LINUX_KVM } from '../abi/linux-constants.js';
import { kvm_device_attr } from '../abi/linux-structs.js';
import { IoasidContext } from '../ioasid/context.js';
import { Errno } from '../kernel/errno.js';
import { type IoctlDetail, IoctlTable } from '../kernel/ioctl.js';
import type { Caller, FileOps, OpenFile } from '../kernel/open-file.js';
import { VfioFile } from '../vfio/device-file.js';
import type { VmFile } from './vm-file.js';

/** What may be added in each attribute group. */
const GROUPS: Readonly<Record<number, { accepts(ops: FileOps): boolean; what: string }>> = {
  [LINUX_KVM.KVM_DEV_VFIO_FILE]: { accepts: (ops) => ops instanceof VfioFile, what: 'a VFIO device' },
  [KVM.KVM_DEV_IOASID]: { accepts: (ops) => ops instanceof IoasidContext, what: '/dev/ioasid' },
};
const ADD = BigInt(KVM.KVM_DEV_IOASID_ADD);
const DEL = BigInt(KVM.KVM_DEV_IOASID_DEL);

/** The group of an attribute. @throws ENXIO no such group or attribute */
function groupOf(args: DataView) {
  const number = kvm_device_attr.get.group(args);
  const attribute = kvm_device_attr.get.attr(args);
  const group = GROUPS[number];
  if (!group || (attribute !== ADD && attribute !== DEL)) {
    throw new Errno('ENXIO', `the kvm-vfio device has no attribute ${attribute} in group ${number}`);
  }
  return { group, add: attribute === ADD };
}

/** The file whose descriptor the attribute's address points to. @throws EFAULT, EBADF, EINVAL */
function fileOf(caller: Caller, args: DataView, group: (typeof GROUPS)[number]): OpenFile {
  const bytes = new Uint8Array(4);
  caller.mm.copyIn(kvm_device_attr.get.addr(args), bytes);
  const fd = new DataView(bytes.buffer).getInt32(0, true);
  const file = caller.file(fd);
  if (!file || !group?.accepts(file.ops)) {
    throw new Errno('EINVAL', `descriptor ${fd} is ${file?.ops.name ?? 'a file'}, not ${group?.what}`);
  }
  return file;
}

const KVM_VFIO_TABLE = new IoctlTable<KvmVfioFile>('the kvm-vfio device', [
  {
    ioctl: IOCTL.SET_DEVICE_ATTR,
    run: ({ vm }, caller, args) => {
      const { group, add } = groupOf(args);
      const file = fileOf(caller, args, group);
      if (!add) vm.delete(file);
      else if (vm.has(file)) throw new Errno('EEXIST', `${file.ops.name} was added to VM ${vm.id} already`);
      else vm.show(file);
      return 0;
    },
  },
  {
    ioctl: IOCTL.GET_DEVICE_ATTR,
    run: () => {
      throw new Errno('EPERM', 'the kvm-vfio device has no attribute that can be read');
    },
  },
  {
    ioctl: IOCTL.HAS_DEVICE_ATTR,
    run: (_file, _caller, args) => {
      groupOf(args);
      return 0;
    },
  },
]);

export class KvmVfioFile implements FileOps {
  readonly name = 'anon_inode:kvm-vfio';
  readonly vm: VmFile;

  constructor(vm: VmFile) {
    this.vm = vm;
    vm.file.get();
  }

  ioctl(caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number {
    if (caller.mm !== this.vm.mm) throw new Errno('EIO', `VM ${this.vm.id} belongs to another process`);
    return KVM_VFIO_TABLE.dispatch(this, caller, request, argument, detail);
  }

  release(): void {
    this.vm.file.put();
  }
}
