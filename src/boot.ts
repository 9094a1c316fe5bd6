/** Boots a machine: hardware from its description, the virtual kernel, and the device files of both. */
import { Authority } from './authority/authority.js';
import { policyByName } from './authority/policies.js';
import { IoasidContext } from './ioasid/context.js';
import { CpuCaches } from './iommu/cpu-caches.js';
import { VirtualKernel } from './kernel/kernel.js';
import { PathTable } from './kernel/paths.js';
import { Process, type ProcessOptions } from './kernel/process.js';
import { KvmFile } from './kvm/kvm-file.js';
import { buildMachine, type Machine, type MakeMemory } from './machine/build.js';
import { DEFAULT_DESCRIPTION } from './machine/default-description.js';
import type { MachineDescription } from './machine/schema.js';
import { AssignedDevice, VfioFile } from './vfio/device-file.js';

export interface BootOptions {
  /** What parseMachine() made of a machine file; the default machine when not given. */
  machine?: MachineDescription;
  /** Authority policy, as `--authority` takes it; the machine file's when not given. */
  authority?: string;
  /** The machine's clock, milliseconds; stands still at 0 when not given. */
  now?: () => number;
  /** Where mappable device memory is. */
  makeMemory?: MakeMemory;
  /** Owner of the device files. */
  uid?: number;
  gid?: number;
}

/** Device numbers: misc devices have major 10; VFIO's cdev has a major of its own. */
const MISC_MAJOR = 10;
const IOASID_MINOR = 60;
const KVM_MINOR = 232;
const VFIO_MAJOR = 511;

export class BootedMachine {
  readonly kernel: VirtualKernel;
  readonly hardware: Machine;
  readonly authority: Authority;
  readonly caches = new CpuCaches();
  /** The machine's clock, milliseconds. */
  readonly now: () => number;
  readonly #assigned = new Map<string, AssignedDevice>();
  #vms = 0;
  #pids = 1000;

  constructor(options: BootOptions = {}) {
    const description = options.machine ?? DEFAULT_DESCRIPTION;
    this.hardware = buildMachine(description, options.makeMemory);
    this.now = options.now ?? (() => 0);
    this.authority = new Authority(policyByName(options.authority ?? description.authority), this.now);
    this.kernel = new VirtualKernel(new PathTable(options.uid, options.gid));
    const { paths } = this.kernel;
    const host = {
      authority: this.authority,
      flushCaches: () => this.caches.flush(),
      nextVm: () => ++this.#vms,
      note: (subject: string, text: string) => this.kernel.note(subject, text),
    };
    paths.addDevice('/dev/ioasid', MISC_MAJOR, IOASID_MINOR, () => new IoasidContext(host));
    paths.addDevice('/dev/kvm', MISC_MAJOR, KVM_MINOR, () => new KvmFile(host));
    for (const { name, requester, port, model } of this.hardware.devices) {
      if (requester.hostDriver) continue;
      const device = new AssignedDevice(name, requester, port, model);
      this.#assigned.set(name, device);
      const path = `/dev/vfio/devices/${name}`;
      paths.addDevice(path, VFIO_MAJOR, this.#assigned.size - 1, () => new VfioFile(device));
      if (!requester.parent) paths.addLink(`/dev/vfio/devices/by-bdf/${requester.name}`, `../${name}`);
    }
  }

  /** A device by its name, vfioN. @throws RangeError that lists the names */
  device(name: string): AssignedDevice {
    const device = this.#assigned.get(name);
    if (!device) throw new RangeError(`no device '${name}'; there are: ${[...this.#assigned.keys()].join(', ')}`);
    return device;
  }

  /** A new simulated process. */
  spawn(options?: ProcessOptions): Process {
    return new Process(this.kernel, () => ++this.#pids, options);
  }
}

/**
 * Boots a machine.
 * @throws RangeError no such authority policy
 */
export function bootMachine(options?: BootOptions): BootedMachine {
  return new BootedMachine(options);
}
