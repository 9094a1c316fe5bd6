/** /dev/kvm: makes VMs (Linux: virt/kvm/kvm_main.c, kvm_dev_ioctl). */
import { Errno } from '../abi/errno.js';
import { O } from '../abi/fcntl.js';
import { KVM_IOCTLS as IOCTL, LINUX_KVM } from '../abi/kvm.js';
import { FIXED_SIZE } from '../kernel/file/convention.js';
import { IoctlTable, Rows } from '../kernel/file/ioctl.js';
import { type FileTable, OpenFile } from '../kernel/file/open-file.js';
import type { KvmHost } from './vm.js';
import { makeVm } from './vm-file.js';
import { checkExtension } from './vm-table.js';

const rows = new Rows<KvmHost>(FIXED_SIZE);

const KVM_TABLE = new IoctlTable<KvmHost>('/dev/kvm', [
  rows.value(IOCTL.GET_API_VERSION, (_host, argument) => {
    if (argument !== 0n) throw new Errno('EINVAL', `KVM_GET_API_VERSION takes no argument, not ${argument}`);
    return LINUX_KVM.KVM_API_VERSION;
  }),
  rows.value(IOCTL.CREATE_VM, (host, type, caller) => {
    if (type !== 0n) throw new Errno('EINVAL', `machine type ${type} is not supported: 0 is`);
    return caller.install(makeVm(host, caller.mm).file, O.CLOEXEC);
  }),
  rows.value(IOCTL.CHECK_EXTENSION, (_host, capability) => checkExtension(capability)),
]);

const FILE: FileTable<KvmHost> = {
  name: () => '/dev/kvm',
  ioctl: (host, caller, request, argument, detail) => KVM_TABLE.dispatch(host, caller, request, argument, detail),
};

/** open(2) of /dev/kvm. */
export function openKvm(host: KvmHost): OpenFile {
  return new OpenFile(host, FILE);
}
