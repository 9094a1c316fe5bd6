/**
 * A VM (uapi-ioasid.md, section 4), without its system calls. It holds a reference on each open file that it was given
 * as proof, until it is taken back or the VM's last close.
 */
import { Errno } from '../abi/errno.js';
import type { Authority, FileRecord, VmRecord } from '../authority/authority.js';
import type { OpenFile } from '../kernel/file/open-file.js';
import { PROOF, type Proof } from '../kernel/proof.js';
import type { CpuCaches } from '../memory/cpu-caches.js';
import type { Mm } from '../memory/mm.js';
import { GuestMemory } from './guest-memory.js';
import { GuestPasids } from './guest-pasids.js';

/** What KVM needs of the machine. */
export interface KvmHost {
  readonly authority: Authority;
  readonly caches: CpuCaches;
  /** A number for the next VM, for traces. */
  nextVm(): number;
  /** Tells which VMs there are. */
  readonly vms: Set<Vm>;
  /** Tells that a VM's right came or went. */
  note(subject: string, text: string): void;
}

/** A file that a VM holds. */
interface Held {
  readonly proof: Proof;
  readonly record: FileRecord;
}

export class Vm {
  readonly host: KvmHost;
  readonly id: number;
  readonly record: VmRecord;
  /** The process that made it: no other may use it (Linux: kvm->mm). */
  readonly mm: Mm;
  readonly memory = new GuestMemory();
  readonly pasids = new GuestPasids();
  /** A VM has one kvm-vfio device at most. */
  hasVfioDevice = false;
  /** The open file that this VM is. */
  readonly file: OpenFile;
  readonly #held = new Map<OpenFile, Held>();

  /** @param makeFile makes the open file that it is */
  constructor(host: KvmHost, mm: Mm, makeFile: (vm: Vm) => OpenFile) {
    this.host = host;
    this.mm = mm;
    this.file = makeFile(this);
    this.id = host.nextVm();
    host.vms.add(this);
    this.record = host.authority.addVm((held) =>
      host.note(
        `VM ${this.id}`,
        held ? 'its guest may flush the caches now' : 'its guest may no longer flush the caches',
      ),
    );
  }

  /** @throws EIO another process's call */
  check(mm: Mm): void {
    if (mm !== this.mm) throw new Errno('EIO', `VM ${this.id} belongs to another process`);
  }

  /** The last close: proofs are given back, rights end. */
  release(): void {
    for (const file of [...this.#held.keys()]) this.delete(file);
    this.host.authority.removeVm(this.record);
    this.host.vms.delete(this);
  }

  /** Its kvm-vfio device was closed: VFIO's files go with it, as in Linux; what holds for /dev/ioasid stays with the VM. */
  closeVfioDevice(): void {
    this.hasVfioDevice = false;
    for (const [file, { proof }] of [...this.#held]) if (proof.kind === 'vfio') this.delete(file);
    this.file.put();
  }

  /** The files that it was given as proof, as a person calls them. */
  proofs(): string[] {
    return [...this.#held.values()].map(({ proof }) => proof.label);
  }

  has(file: OpenFile): boolean {
    return this.#held.has(file);
  }

  /** @throws ENXIO the file's own holder may not flush the caches now */
  requireRight(file: OpenFile): void {
    const { authority } = this.host;
    const held = this.#held.get(file);
    const { proof, record } = held ?? hold(file, authority);
    const may = authority.mayFlush(record);
    if (!held) proof.returned(authority, record);
    if (may) return;
    throw new Errno('ENXIO', `policy '${authority.policy.name}' gives this open file no right to flush the caches`);
  }

  /**
   * Shows a file to the VM, first or again. Never judges coherency; that is the policy's business.
   * @throws EBUSY it serves another VM, under policies that say so
   */
  show(file: OpenFile): void {
    const { authority } = this.host;
    const held = this.#held.get(file) ?? hold(file, authority);
    const { proof, record } = held;
    if (!authority.mayShow(this.record, record)) {
      if (!this.#held.has(file)) proof.returned(authority, record);
      throw new Errno(
        'EBUSY',
        `${file.name} is the proof of another VM, and policy '${authority.policy.name}' gives one proof to one VM`,
      );
    }
    if (!this.#held.has(file)) this.#held.set(file.get(), held);
    authority.show(this.record, record);
  }

  /** Takes a file back. @throws ENOENT it was not added */
  delete(file: OpenFile): void {
    const held = this.#held.get(file);
    if (!held) throw new Errno('ENOENT', `${file.name} was not added to VM ${this.id}`);
    this.#held.delete(file);
    this.host.authority.withdraw(this.record, held.record);
    held.proof.returned(this.host.authority, held.record);
    file.put();
  }
}

function hold(file: OpenFile, authority: Authority): Held {
  const proof = file.facet(PROOF);
  if (!proof) throw new Error(`${file.name} is no proof`);
  return { proof, record: proof.record(authority) };
}
