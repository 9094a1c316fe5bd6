/** /dev/kvm: makes VMs (Linux: virt/kvm/kvm_main.c, kvm_dev_ioctl). */
import { KVM_IOCTLS as IOCTL } from '../abi/ioctls.js';
import { LINUX_KVM, O } from '../abi/linux-constants.js';
import { Errno } from '../kernel/errno.js';
import { type IoctlDetail, IoctlTable } from '../kernel/ioctl.js';
import type { Caller, FileOps } from '../kernel/open-file.js';
import { type KvmHost, VmFile } from './vm-file.js';
import { checkExtension } from './vm-table.js';

const KVM_TABLE = new IoctlTable<KvmFile>('/dev/kvm', [
  {
    ioctl: IOCTL.GET_API_VERSION,
    run: (_file, _caller, _args, argument) => {
      if (argument !== 0n) throw new Errno('EINVAL', `KVM_GET_API_VERSION takes no argument, not ${argument}`);
      return LINUX_KVM.KVM_API_VERSION;
    },
  },
  {
    ioctl: IOCTL.CREATE_VM,
    run: ({ host }, caller, _args, type) => {
      if (type !== 0n) throw new Errno('EINVAL', `machine type ${type} is not supported: 0 is`);
      return caller.install(new VmFile(host, caller.mm).file, O.CLOEXEC);
    },
  },
  { ioctl: IOCTL.CHECK_EXTENSION, run: (_file, _caller, _args, capability) => checkExtension(capability) },
]);

export class KvmFile implements FileOps {
  readonly name = '/dev/kvm';
  readonly host: KvmHost;

  constructor(host: KvmHost) {
    this.host = host;
  }

  ioctl(caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number {
    return KVM_TABLE.dispatch(this, caller, request, argument, detail);
  }

  release(): void {}
}
