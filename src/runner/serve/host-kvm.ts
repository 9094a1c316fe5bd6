/**
 * VMs of the host's KVM (`--kvm host`): of their calls only KVM_CREATE_DEVICE arrives here, and of its types only the
 * kvm-vfio device is the virtual kernel's; everything else, and above all KVM_RUN, is the host's. As in Linux a
 * kvm-vfio device keeps its VM, by a copy of the VM's descriptor.
 */
import { closeSync } from 'node:fs';
import { KVM_VM_IOCTLS, kvm_create_device, LINUX_KVM } from '../../abi/kvm.js';
import type { VirtualKernel } from '../../kernel/kernel.js';
import type { KvmPersonality } from '../../kvm/personality.js';
import type { Vm } from '../../kvm/vm.js';
import { sameOpenFile, takeDescriptor } from '../host/descriptor.js';
import { link } from '../host/procfs.js';
import type { Call, Served } from '../seccomp/call.js';
import type { SyscallName } from '../seccomp/syscalls.js';
import type { FileCalls } from './file-calls.js';

type Handlers = Partial<Record<SyscallName, (call: Call) => Served>>;

export class HostKvm {
  readonly #kernel: VirtualKernel;
  readonly #kvm: KvmPersonality;
  readonly #calls: FileCalls;
  /** VMs with a kvm-vfio device, by our copy of their descriptor. */
  readonly #vms = new Map<number, Vm>();

  constructor(kernel: VirtualKernel, kvm: KvmPersonality, calls: FileCalls) {
    this.#kernel = kernel;
    this.#kvm = kvm;
    this.#calls = calls;
  }

  /** The handlers of files, with VMs of the host before them. */
  before(handlers: Handlers): Handlers {
    return { ...handlers, ioctl: (n) => this.#createDevice(n) ?? handlers.ioctl?.(n) ?? 'host' };
  }

  #createDevice(n: Call): Served | undefined {
    const fd = n.int(0);
    if (n.uint(1) !== KVM_VM_IOCTLS.CREATE_DEVICE.request) return undefined;
    if (link(`/proc/${n.tid}/fd/${fd}`) !== 'anon_inode:kvm-vm') return undefined;
    const caller = this.#calls.caller(n);
    const bytes = new Uint8Array(kvm_create_device.size);
    caller.mm.copyIn(n.argument(2), bytes);
    if (kvm_create_device.get.type(new DataView(bytes.buffer)) !== LINUX_KVM.KVM_DEV_TYPE_VFIO) return undefined;
    const vm = this.#vmOf(n, fd);
    try {
      return this.#kernel.ioctl(caller, fd, vm.file, n.uint(1), n.argument(2));
    } finally {
      // The device that was made holds it; without one nothing does.
      vm.file.put();
    }
  }

  /** The VM behind a descriptor, with a reference. */
  #vmOf(n: Call, fd: number): Vm {
    const { mm } = this.#calls.caller(n);
    const ours = takeDescriptor(this.#calls.tasks.process(n.tid, n.instruction, n.stillWaits).pidfd, fd);
    for (const [copy, vm] of this.#vms) {
      if (!sameOpenFile(copy, ours)) continue;
      closeSync(ours);
      vm.file.get();
      return vm;
    }
    const vm = this.#kvm.hostVm(mm, () => {
      this.#vms.delete(ours);
      closeSync(ours);
    });
    this.#vms.set(ours, vm);
    return vm;
  }
}
