/**
 * KVM's side as a personality: /dev/kvm, and the VMs as plain data. Where /dev/kvm is the host's, VMs have only their
 * kvm-vfio device here.
 */

import { type MachineServices, miscDevice, type Personality } from '../machine/personality.js';
import type { Mm } from '../memory/mm.js';
import { openKvm } from './kvm-file.js';
import type { KvmHost, Vm } from './vm.js';
import { hostVm } from './vm-file.js';

const MINOR = 232;

export class KvmPersonality implements Personality, KvmHost {
  readonly authority: MachineServices['authority'];
  readonly caches: MachineServices['caches'];
  readonly vms = new Set<Vm>();
  readonly #kernel: MachineServices['kernel'];
  /** Programs open the host's /dev/kvm. */
  readonly ofHost: boolean;
  #vmNumber = 0;

  constructor({ nodes, kernel, authority, caches }: MachineServices, ofHost: boolean) {
    this.ofHost = ofHost;
    this.authority = authority;
    this.caches = caches;
    this.#kernel = kernel;
    if (!ofHost) nodes.add(miscDevice('kvm', MINOR), () => openKvm(this));
  }

  /** A VM that the host's KVM made: its open file serves KVM_CREATE_DEVICE. @param closed its device was closed */
  hostVm(mm: Mm, closed: () => void): Vm {
    return hostVm(this, mm, closed);
  }

  nextVm(): number {
    return ++this.#vmNumber;
  }

  note(subject: string, text: string): void {
    this.#kernel.note(subject, text);
  }

  state() {
    return {
      vms: [...this.vms].map((vm) => ({
        vm: vm.id,
        guestMayFlush: this.authority.guestMayFlush(vm.record),
        forcedOff: vm.record.disabled,
        proofs: vm.proofs(),
      })),
    };
  }
}
