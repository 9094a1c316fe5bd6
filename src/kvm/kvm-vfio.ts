/**
 * The kvm-vfio device of a VM (Linux: virt/kvm/vfio.c): where files are added as proof. An attribute's address points
 * to an int with the descriptor. The device's open file keeps the VM alive. VFIO's files are held until it is closed, and
 * /dev/ioasid's until the VM is.
 */
import { Errno } from '../abi/errno.js';
import { KVM } from '../abi/ioasid/constants.js';
import { KVM_DEVICE_IOCTLS as IOCTL, type kvm_device_attr, LINUX_KVM } from '../abi/kvm.js';
import type { Fields } from '../abi/layout.js';
import { FIXED_SIZE } from '../kernel/file/convention.js';
import { IoctlTable, Rows } from '../kernel/file/ioctl.js';
import { type Caller, type FileTable, OpenFile } from '../kernel/file/open-file.js';
import { PROOF, type Proof } from '../kernel/proof.js';
import type { Vm } from './vm.js';

/** What may be added in each attribute group. */
const GROUPS: Readonly<Record<number, { kind: Proof['kind']; what: string }>> = {
  [LINUX_KVM.KVM_DEV_VFIO_FILE]: { kind: 'vfio', what: 'a VFIO device' },
  [KVM.KVM_DEV_IOASID]: { kind: 'ioasid', what: '/dev/ioasid' },
};
const ADD = BigInt(KVM.KVM_DEV_IOASID_ADD);
const DEL = BigInt(KVM.KVM_DEV_IOASID_DEL);

type Attribute = Fields<typeof kvm_device_attr>;

/** The group of an attribute. @throws ENXIO no such group or attribute */
function groupOf({ group: number, attr }: Attribute) {
  const group = GROUPS[number];
  if (!group || (attr !== ADD && attr !== DEL)) {
    throw new Errno('ENXIO', `the kvm-vfio device has no attribute ${attr} in group ${number}`);
  }
  return { group, add: attr === ADD };
}

/** The file whose descriptor the attribute's address points to. @throws EFAULT, EBADF, EINVAL */
function fileOf(caller: Caller, { addr }: Attribute, group: (typeof GROUPS)[number]): OpenFile {
  const bytes = new Uint8Array(4);
  caller.mm.copyIn(addr, bytes);
  const fd = new DataView(bytes.buffer).getInt32(0, true);
  const file = caller.file(fd);
  if (!file || !group || file.facet(PROOF)?.kind !== group.kind) {
    throw new Errno('EINVAL', `descriptor ${fd} is ${file?.name ?? 'a file'}, not ${group?.what}`);
  }
  return file;
}

const rows = new Rows<Vm>(FIXED_SIZE);

const KVM_VFIO_TABLE = new IoctlTable<Vm>('the kvm-vfio device', [
  rows.struct(IOCTL.SET_DEVICE_ATTR, {
    run: (vm, args, caller) => {
      const { group, add } = groupOf(args);
      const file = fileOf(caller, args, group);
      if (!add) vm.delete(file);
      else if (vm.has(file)) throw new Errno('EEXIST', `${file.name} was added to VM ${vm.id} already`);
      else vm.show(file);
      return 0;
    },
  }),
  rows.struct(IOCTL.GET_DEVICE_ATTR, {
    run: () => {
      throw new Errno('EPERM', 'the kvm-vfio device has no attribute that can be read');
    },
  }),
  rows.struct(IOCTL.HAS_DEVICE_ATTR, {
    run: (_vm, args) => {
      groupOf(args);
      return 0;
    },
  }),
]);

const FILE: FileTable<Vm> = {
  name: () => 'anon_inode:kvm-vfio',
  ioctl(vm, caller, request, argument, detail) {
    vm.check(caller.mm);
    return KVM_VFIO_TABLE.dispatch(vm, caller, request, argument, detail);
  },
  release: (vm) => vm.closeVfioDevice(),
};

/** The open file of a VM's kvm-vfio device: it keeps the VM. */
export function openKvmVfio(vm: Vm): OpenFile {
  vm.file.get();
  return new OpenFile(vm, FILE);
}
