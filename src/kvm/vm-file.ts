/**
 * A VM (uapi-ioasid.md, section 4): the open file that KVM_CREATE_VM makes. It holds a reference on each open file that
 * it was given as proof, until it is taken back or the VM's last close.
 */
import type { Authority, FactSource, FileRecord, VmRecord } from '../authority/authority.js';
import { IoasidContext } from '../ioasid/context.js';
import type { CpuCaches } from '../iommu/cpu-caches.js';
import type { Requester } from '../iommu/requester.js';
import { Errno } from '../kernel/errno.js';
import type { IoctlDetail } from '../kernel/ioctl.js';
import type { Mm } from '../kernel/mm.js';
import { type Caller, type FileOps, OpenFile } from '../kernel/open-file.js';
import { type AssignedDevice, VfioFile } from '../vfio/device-file.js';
import { GuestMemory } from './guest-memory.js';
import { GuestPasids } from './guest-pasids.js';
import { VM_TABLE } from './vm-table.js';

/** What KVM needs of the machine. */
export interface KvmHost {
  readonly authority: Authority;
  readonly caches: CpuCaches;
  /** A number for the next VM, for traces. */
  nextVm(): number;
  /** The device of a requester that is plugged in. */
  deviceOf(requester: Requester): AssignedDevice | undefined;
  /** Tells which VMs there are. */
  readonly vms: Set<VmFile>;
  /** Tells that a VM's right came or went. */
  note(subject: string, text: string): void;
}

export class VmFile implements FileOps {
  readonly name = 'anon_inode:kvm-vm';
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
  readonly file = new OpenFile<VmFile>(this);
  readonly #held = new Map<OpenFile, FileRecord>();

  constructor(host: KvmHost, mm: Mm) {
    this.host = host;
    this.mm = mm;
    this.id = host.nextVm();
    host.vms.add(this);
    this.record = host.authority.addVm((held) =>
      host.note(
        `VM ${this.id}`,
        held ? 'its guest may flush the caches now' : 'its guest may no longer flush the caches',
      ),
    );
  }

  ioctl(caller: Caller, request: number, argument: bigint, detail?: IoctlDetail): number {
    if (caller.mm !== this.mm) throw new Errno('EIO', `VM ${this.id} belongs to another process`);
    return VM_TABLE.dispatch(this, caller, request, argument, detail);
  }

  /** The last close: proofs are given back, rights end. */
  release(): void {
    for (const file of [...this.#held.keys()]) this.delete(file);
    this.host.authority.removeVm(this.record);
    this.host.vms.delete(this);
  }

  /** The files that it was given as proof. */
  proofs(): OpenFile[] {
    return [...this.#held.keys()];
  }

  has(file: OpenFile): boolean {
    return this.#held.has(file);
  }

  /**
   * Shows a file to the VM, first or again. Never judges coherency; that is the policy's business.
   * @throws EBUSY it serves another VM, under policies that say so
   */
  show(file: OpenFile): void {
    const { authority } = this.host;
    const record = this.#held.get(file) ?? recordOf(file, authority);
    if (!authority.mayShow(this.record, record)) {
      throw new Errno(
        'EBUSY',
        `${file.ops.name} is the proof of another VM, and policy '${authority.policy.name}' gives one proof to one VM`,
      );
    }
    if (!this.#held.has(file)) this.#held.set(file.get(), record);
    authority.show(this.record, record);
  }

  /** Takes a file back. @throws ENOENT it was not added */
  delete(file: OpenFile): void {
    const record = this.#held.get(file);
    if (!record) throw new Errno('ENOENT', `${file.ops.name} was not added to VM ${this.id}`);
    this.#held.delete(file);
    this.host.authority.withdraw(this.record, record);
    if (!(file.ops instanceof IoasidContext)) this.host.authority.removeFile(record);
    file.put();
  }
}

/** The authority's record of a file: a context has one, a device file gets one while a VM has it. */
function recordOf(file: OpenFile, authority: Authority): FileRecord {
  const { ops } = file;
  if (ops instanceof IoasidContext) return ops.record;
  if (!(ops instanceof VfioFile)) throw new Error(`${ops.name} is no proof`);
  const source: FactSource = {
    facts: () => ({ need: false, bound: false, unenforced: !ops.device.requester.unit.enforcesSnoop }),
  };
  return authority.addFile(source, () => {});
}
