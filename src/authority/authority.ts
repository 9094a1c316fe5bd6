/**
 * The keeper of the policies' memories in the virtual kernel: which open files and VMs there are, which file is proof
 * of which VM, and what each may do now. It tells when a right comes or goes.
 */
import type { FileFacts, Policy, Proof } from './policy.js';

/** An open file as the keeper knows it: something that can say its facts. */
export interface FactSource {
  facts(): FileFacts;
}

export interface FileRecord {
  readonly source: FactSource;
  memory: number;
  right: boolean;
  readonly vms: Set<VmRecord>;
  /** Told when right(F) comes or goes. */
  readonly onRight: (held: boolean) => void;
}

export interface VmRecord {
  memory: number;
  right: boolean;
  /** Forced off by KVM_CAP_DISABLE_WBINVD: for good. */
  disabled: boolean;
  /** The policy's memory of each proof. */
  readonly proofs: Map<FileRecord, number>;
  /** Told when right(V) comes or goes. */
  readonly onRight: (held: boolean) => void;
}

export class Authority {
  #policy: Policy;
  readonly #now: () => number;
  readonly #files = new Set<FileRecord>();
  readonly #vms = new Set<VmRecord>();

  /** @param now the machine's clock, milliseconds */
  constructor(policy: Policy, now: () => number) {
    this.#policy = policy;
    this.#now = now;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** Puts another policy in force: it starts without memories, and sees the proofs as shown now. */
  switchPolicy(policy: Policy): void {
    this.#policy = policy;
    for (const file of this.#files) file.memory = policy.fileChanged(0, file.source.facts());
    for (const vm of this.#vms) {
      vm.memory = 0;
      for (const file of vm.proofs.keys()) this.#judge(vm, file);
      vm.memory = policy.vmListed(vm.memory, this.#proofs(vm));
    }
    this.refresh();
  }

  addFile(source: FactSource, onRight: (held: boolean) => void): FileRecord {
    const file: FileRecord = { source, memory: 0, right: false, vms: new Set(), onRight };
    this.#files.add(file);
    return file;
  }

  removeFile(file: FileRecord): void {
    this.#files.delete(file);
  }

  addVm(onRight: (held: boolean) => void): VmRecord {
    const vm: VmRecord = { memory: 0, right: false, disabled: false, proofs: new Map(), onRight };
    this.#vms.add(vm);
    return vm;
  }

  /** The VM's last close. Its proofs have been withdrawn. */
  removeVm(vm: VmRecord): void {
    this.#vms.delete(vm);
  }

  /** Something about the file changed: a device was bound, attached, detached, removed. */
  changed(file: FileRecord): void {
    const facts = file.source.facts();
    file.memory = this.#policy.fileChanged(file.memory, facts);
    for (const vm of file.vms) vm.proofs.set(file, this.#policy.proofChanged(vm.proofs.get(file) ?? 0, facts));
    this.#tellFile(file);
    for (const vm of file.vms) this.#tellVm(vm);
  }

  /** right(F), now. */
  mayFlush(file: FileRecord): boolean {
    return this.#policy.fileRight(file.memory, file.source.facts());
  }

  /** right(V), now. Forced off comes first. */
  guestMayFlush(vm: VmRecord): boolean {
    return !vm.disabled && this.#policy.vmRight(vm.memory, this.#proofs(vm), this.#time());
  }

  /** May the file's facts become `after` by an action of its holder? The reference policy says no to the end of a need. */
  mayGiveUp(file: FileRecord, after: FileFacts): boolean {
    return after.need || !file.source.facts().need || this.#policy.mayEndNeed(file.vms.size);
  }

  /** May the VM be shown this file? */
  mayShow(vm: VmRecord, file: FileRecord): boolean {
    return this.#policy.mayShow(file.vms.size - (file.vms.has(vm) ? 1 : 0), file.source.facts());
  }

  /** The VM is shown a proof, first or again. */
  show(vm: VmRecord, file: FileRecord): void {
    file.vms.add(vm);
    this.#judge(vm, file);
    vm.memory = this.#policy.vmListed(vm.memory, this.#proofs(vm));
    this.#tellVm(vm);
  }

  /** The VM gives a proof back. */
  withdraw(vm: VmRecord, file: FileRecord): void {
    vm.proofs.delete(file);
    file.vms.delete(vm);
    vm.memory = this.#policy.vmListed(vm.memory, this.#proofs(vm));
    this.#tellVm(vm);
  }

  /** Forces the VM's right off, for good. Needs no proof. */
  disable(vm: VmRecord): void {
    vm.disabled = true;
    this.#tellVm(vm);
  }

  /** Looks at every right again: the clock moved, or the policy changed. */
  refresh(): void {
    for (const file of this.#files) this.#tellFile(file);
    for (const vm of this.#vms) this.#tellVm(vm);
  }

  /** When the next right ends by the clock alone, milliseconds; undefined: none does. */
  nextDeadline(): number | undefined {
    let next: number | undefined;
    for (const vm of this.#vms) {
      const deadline = vm.right ? this.#policy.vmDeadline(vm.memory) : undefined;
      if (deadline !== undefined && (next === undefined || deadline < next)) next = deadline;
    }
    return next;
  }

  #judge(vm: VmRecord, file: FileRecord): void {
    const facts = file.source.facts();
    vm.proofs.set(file, this.#policy.proofShown(file.memory, facts));
    vm.memory = this.#policy.vmShown(vm.memory, file.memory, facts, this.#time());
  }

  /** The clock, for a policy that looks at it. */
  #time(): number {
    return this.#policy.clock ? this.#now() : 0;
  }

  #proofs(vm: VmRecord): Proof[] {
    return [...vm.proofs].map(([file, memory]) => ({ memory, file: file.memory, facts: file.source.facts() }));
  }

  #tellFile(file: FileRecord): void {
    const right = this.mayFlush(file);
    if (right === file.right) return;
    file.right = right;
    file.onRight(right);
  }

  #tellVm(vm: VmRecord): void {
    const right = this.guestMayFlush(vm);
    if (right === vm.right) return;
    vm.right = right;
    vm.onRight(right);
  }
}
