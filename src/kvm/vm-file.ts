/** The open file that KVM_CREATE_VM makes: no process but the one that made it may use it (Linux: kvm->mm). */

import { type FileTable, OpenFile } from '../kernel/file/open-file.js';
import type { Mm } from '../memory/mm.js';
import { type KvmHost, Vm } from './vm.js';
import { VM_TABLE } from './vm-table.js';

const FILE: FileTable<Vm> = {
  name: () => 'anon_inode:kvm-vm',
  ioctl(vm, caller, request, argument, detail) {
    vm.check(caller.mm);
    return VM_TABLE.dispatch(vm, caller, request, argument, detail);
  },
  release: (vm) => vm.release(),
};

/**
 * A VM that the host's KVM made: only its kvm-vfio device is ours, and holds it.
 * @param closed told when that was closed
 */
export function hostVm(host: KvmHost, mm: Mm, closed: () => void): Vm {
  const release = (vm: Vm): void => {
    vm.release();
    closed();
  };
  return new Vm(host, mm, (vm) => new OpenFile(vm, { ...FILE, release }));
}

/** A new VM of a process. */
export function makeVm(host: KvmHost, mm: Mm): Vm {
  return new Vm(host, mm, (vm) => new OpenFile(vm, FILE));
}
