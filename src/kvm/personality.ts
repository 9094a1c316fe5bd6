/** KVM's side as a personality: /dev/kvm, and the VMs as plain data. */
import { type MachineServices, miscDevice, type Personality } from '../machine/personality.js';
import { openKvm } from './kvm-file.js';
import type { KvmHost, Vm } from './vm.js';

const MINOR = 232;

export class KvmPersonality implements Personality, KvmHost {
  readonly authority: MachineServices['authority'];
  readonly caches: MachineServices['caches'];
  readonly vms = new Set<Vm>();
  readonly #kernel: MachineServices['kernel'];
  #vmNumber = 0;

  constructor({ nodes, kernel, authority, caches }: MachineServices) {
    this.authority = authority;
    this.caches = caches;
    this.#kernel = kernel;
    nodes.add(miscDevice('kvm', MINOR), () => openKvm(this));
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
