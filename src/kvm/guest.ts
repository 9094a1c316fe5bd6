/** KVM_GUEST_OP: stands in for a guest (uapi-ioasid.md, section 4). */
import { Errno } from '../abi/errno.js';
import { KVM } from '../abi/ioasid/constants.js';
import type { kvm_guest_op } from '../abi/ioasid/structs.js';
import type { Fields } from '../abi/layout.js';
import type { Vm } from './vm.js';

/** Results of ENQCMD: done; the device's queue is full; the exception vector of a general-protection fault (SDM 3, 6.15). */
const ENQCMD_DONE = 0;
const ENQCMD_RETRY = 1;
const GENERAL_PROTECTION = 13;
/** Width of LOAD and STORE, bytes. */
const WORD = 8;

export function guestOperation(vm: Vm, args: Fields<typeof kvm_guest_op>): number {
  const { op } = args;
  switch (op) {
    case KVM.KVM_GUEST_OP_WBINVD: {
      const emulated = vm.host.authority.guestMayFlush(vm.record);
      if (emulated) vm.host.caches.flush();
      args.result = emulated ? KVM.KVM_GUEST_OP_EMULATED : KVM.KVM_GUEST_OP_NOOP;
      return 0;
    }
    case KVM.KVM_GUEST_OP_ENQCMD:
      args.result = enqcmd(vm, args.arg0, Number(args.arg1 & 0xffff_ffffn));
      return 0;
    case KVM.KVM_GUEST_OP_LOAD:
      args.arg1 = load(vm, args.arg0);
      args.result = 0;
      return 0;
    case KVM.KVM_GUEST_OP_STORE:
      store(vm, args.arg0, args.arg1);
      args.result = 0;
      return 0;
    default:
      throw new Errno('EINVAL', `guest operation ${op} does not exist`);
  }
}

/** The guest's ENQCMD to a device's portal. @throws ENOENT, EOPNOTSUPP, ENODEV */
function enqcmd(vm: Vm, cookie: bigint, pasid: number): number {
  const translation = vm.pasids.translate(pasid);
  if (!translation) return GENERAL_PROTECTION;
  return translation.queues.enqueue(cookie, translation.wire) ? ENQCMD_DONE : ENQCMD_RETRY;
}

/** A guest's load: what a process sees of its memory is what CPUs see, caches included (iommu/cpu-caches.ts). */
function load(vm: Vm, guest: bigint): bigint {
  const bytes = new Uint8Array(WORD);
  vm.mm.copyIn(vm.memory.address(guest, BigInt(WORD), false), bytes);
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

function store(vm: Vm, guest: bigint, value: bigint): void {
  const bytes = new Uint8Array(WORD);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  vm.mm.copyOut(vm.memory.address(guest, BigInt(WORD), true), bytes);
}
