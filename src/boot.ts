/** Boots a machine: hardware from its description, the virtual kernel, and the device files of both. */
import { Authority } from './authority/authority.js';
import { parseDuration, policyByName } from './authority/policies.js';
import type { Policy } from './authority/policy.js';
import { ContainerPersonality } from './container/personality.js';
import type { OpenStore } from './devices/block-store.js';
import { Injector } from './inject/injector.js';
import type { Rule } from './inject/rule.js';
import type { IoasidContext } from './ioasid/context.js';
import { IoasidPersonality } from './ioasid/personality.js';
import { IOASID_DEVICE_ROWS } from './ioasid/vfio-bind.js';
import { plug } from './iommu/attach.js';
import { IommufdPersonality } from './iommufd/personality.js';
import { IOMMUFD_DEVICE_ROWS } from './iommufd/vfio-bind.js';
import { FaultInjection } from './kernel/fault-injection.js';
import { FileSystem } from './kernel/fs/file-system.js';
import { VirtualKernel } from './kernel/kernel.js';
import { Pollers } from './kernel/pollers.js';
import { Process, type ProcessOptions } from './kernel/process.js';
import { Timers } from './kernel/timers.js';
import { KvmPersonality } from './kvm/personality.js';
import type { Vm } from './kvm/vm.js';
import { buildMachine, type Machine, type MachineDevice } from './machine/build.js';
import { DEFAULT_DESCRIPTION } from './machine/default-description.js';
import type { MachineDescription } from './machine/file/schema.js';
import { type ListedDevice, listDevices } from './machine/listing.js';
import type { MachineServices, Personality } from './machine/personality.js';
import { MachineSlots } from './machine/slots.js';
import { CpuCaches, type Eviction } from './memory/cpu-caches.js';
import type { MakeMemory } from './pci/memory.js';
import type { AssignedDevice } from './vfio/assigned-device.js';
import { VfioPersonality } from './vfio/personality.js';

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
  /** Random bytes; a sequence that is always the same when not given. */
  random?: (count: number) => Uint8Array;
  /** Where mappable device memory is. */
  makeMemory?: MakeMemory;
  /** Opens the files of disks. Not given: there are disks in memory only. */
  openStore?: OpenStore;
  /** The kernel is built with its own tests (Linux: CONFIG_IOMMUFD_TEST); the machine file's choice when not given. */
  selftest?: boolean | undefined;
  /** `host`: programs open the host's /dev/kvm, and only kvm-vfio devices are of this machine; the machine file's when not given. */
  kvm?: MachineDescription['kvm'];
  /** Failures on demand: calls that fail, devices that vanish, interrupts that are late or lost. */
  inject?: readonly Rule[] | undefined;
  /** Keep the names of the calls that could have failed. */
  injectLog?: boolean | undefined;
  /** CPUs of the machine; 1 when not given. */
  cpus?: number;
  /** Owner of the device files. */
  uid?: number;
  gid?: number;
}

const policyOf = (policy: string | Policy): Policy => (typeof policy === 'string' ? policyByName(policy) : policy);

/** Steps that are taken whenever the machine is served. */
const POLL = { call: 'poll' } as const;
const TICK = { call: 'tick' } as const;

const SEED = 0x9e3779b9;

/** Bytes that look random and are the same at each boot (xorshift, 32 bits). @param seed 1 to 2^32-1 */
export function repeatable(seed = SEED): (count: number) => Uint8Array {
  let state = seed;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  };
  return (count) => Uint8Array.from({ length: count }, next);
}

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
  readonly vfio: VfioPersonality;
  readonly ioasid: IoasidPersonality;
  readonly iommufd: IommufdPersonality;
  readonly containers: ContainerPersonality;
  readonly kvm: KvmPersonality;
  /** The PCI bus, its drivers, and what /sys shows of them. */
  readonly slots: MachineSlots;
  /** All of them, in the order in which they hear of devices. */
  readonly personalities: readonly Personality[];
  /** What is plugged in, by name. */
  readonly #plugged = new Set<string>();
  // One function each for what is done all the time: nothing is made for a look.
  readonly #poll = (): boolean => this.pollers.poll();
  readonly #tick = (): void => {
    this.timers.run();
    this.authority.refresh();
  };
  #pids = 1000;

  constructor(options: BootOptions = {}) {
    const description = options.machine ?? DEFAULT_DESCRIPTION;
    this.now = options.now ?? (() => 0);
    this.timers = new Timers(this.now);
    this.pollers = new Pollers(this.now);
    this.hardware = buildMachine(description, {
      timers: this.timers,
      pollers: this.pollers,
      makeMemory: options.makeMemory,
      openStore: options.openStore,
      found: (device, register, value) => {
        this.kernel.note(device, () => `${register} is 0x${value.toString(16)}`);
      },
    });
    this.caches = new CpuCaches(options.coherency === 'strict', options.eviction);
    if (this.caches.strict) for (const unit of this.hardware.units.values()) unit.caches = this.caches;
    this.authority = new Authority(policyOf(options.authority ?? description.authority), this.now);
    this.kernel = new VirtualKernel(new FileSystem(options.uid, options.gid));
    this.slots = new MachineSlots(this.hardware, this.kernel.fs, options.cpus ?? 1, {
      install: (device) => this.#install(device),
      release: (device, left) => this.#release(device, left),
    });
    const services: MachineServices = {
      kernel: this.kernel,
      hardware: this.hardware,
      authority: this.authority,
      caches: this.caches,
      timers: this.timers,
      pollers: this.pollers,
      parameters: this.slots.sysfs.parameters,
      random: options.random ?? repeatable(),
      nodes: {
        add: (device, open, mode) => {
          this.kernel.fs.addDevice(`/dev/${device.node}`, device.major, device.minor, open, mode);
          this.slots.sysfs.addDevice(device);
        },
        remove: (device) => {
          this.kernel.fs.remove(`/dev/${device.node}`);
          this.slots.sysfs.removeDevice(device);
        },
        directoryOf: (device) => this.slots.directoryOf(device),
      },
      faultTimeout: parseDuration(description['fault-timeout']) ?? 0,
    };
    this.vfio = new VfioPersonality(services, [IOASID_DEVICE_ROWS, IOMMUFD_DEVICE_ROWS]);
    this.ioasid = new IoasidPersonality(services);
    const selftest = options.selftest ?? description.selftest ?? false;
    if (selftest) this.kernel.faults = new FaultInjection();
    this.iommufd = new IommufdPersonality(services, selftest);
    this.containers = new ContainerPersonality(services, this.vfio);
    this.kvm = new KvmPersonality(services, (options.kvm ?? description.kvm) === 'host');
    this.personalities = [this.vfio, this.containers, this.ioasid, this.iommufd, this.kvm];
    this.slots.start();
    if (options.inject || options.injectLog) this.injector = this.#inject(options.inject ?? [], options.injectLog);
  }

  #inject(rules: readonly Rule[], logs = false): Injector {
    const injector = new Injector(rules, (device) => this.#plugged.has(device) && this.unplug(device), logs);
    this.kernel.watch({ entered: (call) => injector.enter(call) });
    const dma = rules.some(({ call }) => call === 'dma');
    for (const { name, port, function: pci } of this.hardware.devices) {
      if (dma)
        port.aborts = () => {
          const aborted = injector.dma(name);
          if (aborted) this.kernel.note(name, 'aborted a DMA transfer, as was asked');
          return aborted;
        };
      pci.interrupts.disturb = (deliver) => {
        const late = injector.interrupt(name);
        if (late === undefined) deliver();
        else if (late === Number.POSITIVE_INFINITY) this.kernel.note(name, 'lost an interrupt, as was asked');
        else this.timers.schedule(late, deliver);
      };
    }
    return injector;
  }

  get contexts(): ReadonlySet<IoasidContext> {
    return this.ioasid.contexts;
  }

  get vms(): ReadonlySet<Vm> {
    return this.kvm.vms;
  }

  /** A device that is plugged in, by its name, vfioN. @throws RangeError that lists the names */
  device(name: string): AssignedDevice {
    return this.vfio.device(name);
  }

  /**
   * Takes a device out under its user's hands: what was attached is detached, its descriptors answer ENODEV.
   * @throws RangeError no such device is plugged in
   */
  unplug(name: string): void {
    this.kernel.beside({ call: 'unplug', name }, () => this.#unplug(name));
  }

  #unplug(name: string): void {
    const device = this.hardware.devices.find((it) => it.name === name || this.vfio.nameOf(it) === name);
    if (!device || !this.#plugged.delete(device.name)) {
      throw new RangeError(`no device '${name}' is plugged in; there are: ${[...this.#plugged].join(', ')}`);
    }
    for (const each of this.slots.virtualOf(device)) if (this.#plugged.has(each.name)) this.#unplug(each.name);
    for (const personality of this.personalities) personality.unplug?.(device);
    this.slots.gone(device);
    this.kernel.note(name, 'was unplugged');
  }

  /** Puts a device back that was taken out. @throws RangeError the machine has no such device, or it is plugged in */
  plug(name: string): void {
    this.kernel.beside({ call: 'plug', name }, () => this.#plug(name));
  }

  #plug(name: string): void {
    const device = this.hardware.devices.find((it) => it.name === name && !it.requester.hostDriver);
    if (!device) throw new RangeError(`the machine has no device '${name}' to plug in`);
    if (this.#plugged.has(name)) throw new RangeError(`${name} is plugged in already`);
    if (device.requester.group.members.has(device.requester) && !this.slots.has(device)) {
      throw new RangeError(`${name} is still held by its user`);
    }
    plug(device.requester);
    this.slots.putIn(device);
    this.kernel.note(name, 'was plugged in');
  }

  /** How each device is reached. */
  list(): ListedDevice[] {
    return listDevices(this.hardware, this.slots, (device) =>
      this.#plugged.has(device.name) ? this.vfio.nameOf(device) : undefined,
    );
  }

  /** Puts another authority policy in force. @throws RangeError no such policy */
  setAuthority(policy: string | Policy): void {
    const next = policyOf(policy);
    this.kernel.beside({ call: 'authority', name: next.name }, () => this.authority.switchPolicy(next));
    this.kernel.note('authority', `policy '${this.authority.policy.name}' is in force`);
  }

  /** When tick() has something to do, milliseconds of the clock; undefined: not before the next call. */
  nextDeadline(): number | undefined {
    const [a, b] = [this.authority.nextDeadline(), this.timers.next()];
    return a === undefined ? b : Math.min(a, b ?? a);
  }

  /** Time has passed: page requests time out, rights end. */
  tick(): void {
    this.kernel.beside(TICK, this.#tick);
  }

  /** Looks at what programs stored into mapped registers. Returns true if a device moved: there may be more to do. */
  poll(): boolean {
    return this.kernel.beside(POLL, this.#poll);
  }

  /** A new simulated process. */
  spawn(options?: ProcessOptions): Process {
    return new Process(this.kernel, () => ++this.#pids, options);
  }

  /** vfio-pci lets a device go. @param left called when nobody has it open any more */
  #release(device: MachineDevice, left: () => void): void {
    this.#plugged.delete(device.name);
    this.vfio.release(device, () => {
      this.containers.unplug(device);
      left();
    });
  }

  #install(device: MachineDevice): void {
    this.#plugged.add(device.name);
    for (const personality of this.personalities) personality.plug?.(device);
  }
}

/**
 * Boots a machine.
 * @throws RangeError no such authority policy
 */
export function bootMachine(options?: BootOptions): BootedMachine {
  return new BootedMachine(options);
}
