/** Boots a machine: hardware from its description, the virtual kernel, and the device files of both. */
import { Authority } from './authority/authority.js';
import { parseDuration, policyByName } from './authority/policies.js';
import type { Policy } from './authority/policy.js';
import { Injector } from './inject/injector.js';
import type { Rule } from './inject/rule.js';
import type { IoasidContext } from './ioasid/context.js';
import { openIoasid } from './ioasid/file.js';
import { IOASID_DEVICE_ROWS } from './ioasid/vfio-bind.js';
import { plug } from './iommu/attach.js';
import { CpuCaches, type Eviction } from './iommu/cpu-caches.js';
import type { IommuGroup } from './iommu/requester.js';
import type { IommufdContext } from './iommufd/context.js';
import { openIommufd } from './iommufd/file.js';
import { FileSystem } from './kernel/fs/file-system.js';
import { VirtualKernel } from './kernel/kernel.js';
import { Pollers } from './kernel/pollers.js';
import { Process, type ProcessOptions } from './kernel/process.js';
import { Timers } from './kernel/timers.js';
import { openKvm } from './kvm/kvm-file.js';
import type { Vm } from './kvm/vm.js';
import { buildMachine, type Machine, type MachineDevice } from './machine/build.js';
import { DEFAULT_DESCRIPTION } from './machine/default-description.js';
import type { MachineDescription } from './machine/schema.js';
import { UserAccounts } from './memory/account.js';
import type { MakeMemory } from './pci/memory.js';
import { AssignedDevice } from './vfio/assigned-device.js';
import { type DeviceFileTable, deviceFileTable, openDevice } from './vfio/file.js';
import { VfioGroup } from './vfio/group.js';
import type { BusFunction, VfioHost } from './vfio/host.js';

export interface BootOptions {
  /** What parseMachine() made of a machine file; the default machine when not given. */
  machine?: MachineDescription;
  /** Authority policy, by name as `--authority` takes it, or one of your own; the machine file's when not given. */
  authority?: string | Policy;
  /** The machine's clock, milliseconds; stands still at 0 when not given. */
  now?: () => number;
  /** `strict`: the CPU caches are modelled for memory that non-coherent devices reach. Not given: they are not. */
  coherency?: 'strict' | undefined;
  /** When the modelled caches evict lines by themselves; never when not given. */
  eviction?: Eviction;
  /** Where mappable device memory is. */
  makeMemory?: MakeMemory;
  /** The kernel is built with its own tests (Linux: CONFIG_IOMMUFD_TEST); the machine file's choice when not given. */
  selftest?: boolean | undefined;
  /** Failures on demand: calls that fail, devices that vanish, interrupts that are late or lost. */
  inject?: readonly Rule[] | undefined;
  /** Keep the names of the calls that could have failed. */
  injectLog?: boolean | undefined;
  /** Owner of the device files. */
  uid?: number;
  gid?: number;
}

const policyOf = (policy: string | Policy): Policy => (typeof policy === 'string' ? policyByName(policy) : policy);

/** Device numbers: misc devices have major 10; VFIO's cdev has a major of its own. */
const MISC_MAJOR = 10;
const IOASID_MINOR = 60;
/** linux/miscdevice.h: IOMMUFD's is assigned when it is registered; this is the first that is free. */
const IOMMU_MINOR = 125;
const KVM_MINOR = 232;
const VFIO_MAJOR = 511;
/** Of a PCI address, DDDD:BB, and how it ends on the root bus. */
const BUS_LENGTH = 7;
const ROOT_BUS = ':00';

export class BootedMachine {
  readonly kernel: VirtualKernel;
  readonly hardware: Machine;
  readonly authority: Authority;
  readonly caches: CpuCaches;
  readonly timers: Timers;
  readonly pollers: Pollers;
  /** What fails on demand; undefined: nothing. */
  readonly injector: Injector | undefined;
  /** The machine's clock, milliseconds. */
  readonly now: () => number;
  readonly contexts = new Set<IoasidContext>();
  readonly iommufds = new Set<IommufdContext>();
  readonly vms = new Set<Vm>();
  /** What is plugged in, by name. */
  readonly #assigned = new Map<string, AssignedDevice>();
  readonly #groups = new Map<IommuGroup, VfioGroup<AssignedDevice>>();
  readonly #deviceFiles: DeviceFileTable = deviceFileTable([IOASID_DEVICE_ROWS]);
  readonly #vfioHost: VfioHost<AssignedDevice>;
  #vmNumber = 0;
  #pids = 1000;
  #mocks = 0;

  constructor(options: BootOptions = {}) {
    const description = options.machine ?? DEFAULT_DESCRIPTION;
    this.now = options.now ?? (() => 0);
    this.timers = new Timers(this.now);
    this.pollers = new Pollers(this.now);
    this.hardware = buildMachine(description, {
      timers: this.timers,
      pollers: this.pollers,
      makeMemory: options.makeMemory,
      found: (device, register, value) => {
        if (this.kernel.onNote) this.kernel.note(device, `${register} is 0x${value.toString(16)}`);
      },
    });
    this.caches = new CpuCaches(options.coherency === 'strict', options.eviction);
    for (const { port } of this.hardware.devices) port.caches = this.caches;
    this.authority = new Authority(policyOf(options.authority ?? description.authority), this.now);
    this.kernel = new VirtualKernel(new FileSystem(options.uid, options.gid));
    const host = {
      authority: this.authority,
      timers: this.timers,
      faultTimeout: parseDuration(description['fault-timeout']) ?? 0,
      contexts: this.contexts,
      vms: this.vms,
      caches: this.caches,
      nextVm: () => ++this.#vmNumber,
      deviceOf: (requester: unknown) => [...this.#assigned.values()].find((device) => device.requester === requester),
      note: (subject: string, text: string) => this.kernel.note(subject, text),
    };
    this.kernel.fs.addDevice('/dev/ioasid', MISC_MAJOR, IOASID_MINOR, () => openIoasid(host));
    const iommufd = {
      users: new UserAccounts(),
      contexts: this.iommufds,
      selftest: options.selftest ?? description.selftest ?? false,
      nextMock: () => this.#mocks++,
    };
    this.kernel.fs.addDevice('/dev/iommu', MISC_MAJOR, IOMMU_MINOR, () => openIommufd(iommufd));
    this.kernel.fs.addDevice('/dev/kvm', MISC_MAJOR, KVM_MINOR, () => openKvm(host));
    this.#vfioHost = {
      pollers: this.pollers,
      schedule: (delay, act) => this.timers.schedule(delay, act),
      busFunctions: (device) => this.#busFunctions(device),
    };
    for (const device of this.hardware.devices) if (!device.requester.hostDriver) this.#install(device);
    if (options.inject || options.injectLog) this.injector = this.#inject(options.inject ?? [], options.injectLog);
  }

  #inject(rules: readonly Rule[], logs = false): Injector {
    const injector = new Injector(rules, (device) => this.#assigned.has(device) && this.unplug(device), logs);
    this.kernel.onEnter = (call) => injector.enter(call);
    for (const { name, function: pci } of this.hardware.devices) {
      pci.interrupts.disturb = (deliver) => {
        const late = injector.interrupt(name);
        if (late === undefined) deliver();
        else if (late === Number.POSITIVE_INFINITY) this.kernel.note(name, 'lost an interrupt, as was asked');
        else this.timers.schedule(late, deliver);
      };
    }
    return injector;
  }

  /** The functions on a device's bus; undefined: it is the root bus, which cannot be reset. */
  #busFunctions({ requester }: AssignedDevice): BusFunction<AssignedDevice>[] | undefined {
    const bus = requester.name.slice(0, BUS_LENGTH);
    if (bus.endsWith(ROOT_BUS)) return undefined;
    const devices = this.hardware.devices.filter(({ requester: it }) => it.name.startsWith(bus));
    return devices.map(({ name, requester: it }) => ({
      address: it.name,
      group: it.group,
      device: this.#assigned.get(name),
    }));
  }

  /** A device that is plugged in, by its name, vfioN. @throws RangeError that lists the names */
  device(name: string): AssignedDevice {
    const device = this.#assigned.get(name);
    if (!device)
      throw new RangeError(`no device '${name}' is plugged in; there are: ${[...this.#assigned.keys()].join(', ')}`);
    return device;
  }

  /**
   * Takes a device out under its user's hands: what was attached is detached, its descriptors answer ENODEV.
   * @throws RangeError no such device is plugged in
   */
  unplug(name: string): void {
    const device = this.device(name);
    this.#assigned.delete(name);
    this.kernel.fs.remove(`/dev/vfio/devices/${name}`);
    this.kernel.fs.remove(`/dev/vfio/devices/by-bdf/${device.requester.name}`);
    device.remove();
    this.kernel.note(name, 'was unplugged');
  }

  /** Puts a device back that was taken out. @throws RangeError the machine has no such device, or it is plugged in */
  plug(name: string): void {
    const device = this.hardware.devices.find((it) => it.name === name && !it.requester.hostDriver);
    if (!device) throw new RangeError(`the machine has no device '${name}' to plug in`);
    if (this.#assigned.has(name)) throw new RangeError(`${name} is plugged in already`);
    plug(device.requester);
    this.#install(device);
    this.kernel.note(name, 'was plugged in');
  }

  /** Puts another authority policy in force. @throws RangeError no such policy */
  setAuthority(policy: string | Policy): void {
    this.authority.switchPolicy(policyOf(policy));
    this.kernel.note('authority', `policy '${this.authority.policy.name}' is in force`);
  }

  /** When tick() has something to do, milliseconds of the clock; undefined: not before the next call. */
  nextDeadline(): number | undefined {
    const [a, b] = [this.authority.nextDeadline(), this.timers.next()];
    return a === undefined ? b : Math.min(a, b ?? a);
  }

  /** Time has passed: page requests time out, rights end. */
  tick(): void {
    this.timers.run();
    this.authority.refresh();
  }

  /** Looks at what programs stored into mapped registers. Returns true if a device moved: there may be more to do. */
  poll(): boolean {
    return this.pollers.poll();
  }

  /** A new simulated process. */
  spawn(options?: ProcessOptions): Process {
    return new Process(this.kernel, () => ++this.#pids, options);
  }

  #install(from: MachineDevice): void {
    const { name, requester } = from;
    const { group } = requester;
    const vfioGroup = this.#groups.get(group) ?? new VfioGroup<AssignedDevice>(group);
    this.#groups.set(group, vfioGroup);
    const device = new AssignedDevice(name, requester, from.function, vfioGroup, this.#vfioHost);
    this.#assigned.set(name, device);
    const minor = this.hardware.devices.indexOf(from);
    this.kernel.fs.addDevice(`/dev/vfio/devices/${name}`, VFIO_MAJOR, minor, () =>
      openDevice(device, this.#deviceFiles),
    );
    if (!requester.parent) this.kernel.fs.addLink(`/dev/vfio/devices/by-bdf/${requester.name}`, `../${name}`);
  }
}

/**
 * Boots a machine.
 * @throws RangeError no such authority policy
 */
export function bootMachine(options?: BootOptions): BootedMachine {
  return new BootedMachine(options);
}
