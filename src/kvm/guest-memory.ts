/** A VM's memory slots (Linux: __kvm_set_memory_region): guest physical addresses to the memory of its process. */
import { hex, isPageAligned, sumWraps } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { LINUX_KVM } from '../abi/kvm.js';

/** As x86 offers them. */
export const MEMORY_SLOTS = 32764;

interface Slot {
  readonly flags: number;
  readonly start: bigint;
  readonly size: bigint;
  readonly host: bigint;
}

const FLAGS = LINUX_KVM.KVM_MEM_LOG_DIRTY_PAGES | LINUX_KVM.KVM_MEM_READONLY;

export class GuestMemory {
  readonly #slots = new Map<number, Slot>();

  /** KVM_SET_USER_MEMORY_REGION; a size of 0 deletes the slot. @throws EINVAL, EEXIST */
  set(number: number, flags: number, start: bigint, size: bigint, host: bigint): void {
    if (flags & ~FLAGS) throw new Errno('EINVAL', `unknown flag ${hex(flags & ~FLAGS)}`);
    if (number >= MEMORY_SLOTS) throw new Errno('EINVAL', `slot ${number}: there are ${MEMORY_SLOTS}`);
    if (!isPageAligned(start) || !isPageAligned(size) || !isPageAligned(host))
      throw new Errno('EINVAL', 'addresses and size are whole pages');
    if (sumWraps(start, size)) throw new Errno('EINVAL', `${hex(start)}+${hex(size)} wraps`);
    const old = this.#slots.get(number);
    if (size === 0n) {
      if (!this.#slots.delete(number)) throw new Errno('EINVAL', `slot ${number} does not exist`);
      return;
    }
    if (old && (old.size !== size || old.host !== host || (old.flags ^ flags) & LINUX_KVM.KVM_MEM_READONLY)) {
      throw new Errno('EINVAL', `slot ${number} exists: only its guest address can be changed`);
    }
    for (const [other, slot] of this.#slots) {
      if (other !== number && start < slot.start + slot.size && slot.start < start + size) {
        throw new Errno('EEXIST', `${hex(start)}+${hex(size)} overlaps slot ${other}`);
      }
    }
    this.#slots.set(number, { flags, start, size, host });
  }

  /** The process's address of a guest address. @throws EFAULT no slot has all of it, or it is read-only */
  address(guest: bigint, size: bigint, write: boolean): bigint {
    for (const slot of this.#slots.values()) {
      if (guest < slot.start || guest + size > slot.start + slot.size) continue;
      if (write && slot.flags & LINUX_KVM.KVM_MEM_READONLY) break;
      return slot.host + (guest - slot.start);
    }
    throw new Errno('EFAULT', `the guest has no${write ? ' writable' : ''} memory at ${hex(guest)}`);
  }
}
