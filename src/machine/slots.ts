/**
 * The machine's functions in their slots: which driver has each at the start, and how functions come and go. A function of
 * the machine file that no driver of the host has starts under vfio-pci, as if an administrator had bound it.
 */
import { plug, unplug } from '../iommu/attach.js';
import type { FileSystem } from '../kernel/fs/file-system.js';
import { PciBus, type PciSlot } from '../pci/bus/bus.js';
import { hostDriver, PciDriver } from '../pci/bus/driver.js';
import { hostDrivers } from '../pci/bus/host-drivers.js';
import { functionPath } from '../sysfs/function-directory.js';
import { Sysfs } from '../sysfs/sysfs.js';
import type { Machine, MachineDevice } from './build.js';
import { Departures, orWait } from './departures.js';
import { VirtualFunctions } from './virtual-functions.js';

/** What VFIO does with a device of the machine. */
export interface VfioSide {
  /** It is bound to vfio-pci: its files appear. @throws Errno: it is not */
  install(device: MachineDevice): void;
  /** Its users are asked to let it go. @param left called when nobody has it open any more, which may be at once */
  release(device: MachineDevice, left: () => void): void;
}

export class MachineSlots {
  readonly bus = new PciBus();
  readonly sysfs: Sysfs;
  readonly #machine: Machine;
  readonly #vfio: VfioSide;
  readonly #vfioPci: PciDriver;
  readonly #slots = new Map<MachineDevice, PciSlot>();
  readonly #departures: Departures;
  readonly #virtual: VirtualFunctions;

  /** @param cpus of the machine */
  constructor(machine: Machine, fs: FileSystem, cpus: number, vfio: VfioSide) {
    this.#machine = machine;
    this.#vfio = vfio;
    this.#vfioPci = new PciDriver({
      name: 'vfio-pci',
      probe: (slot) => vfio.install(this.#device(slot)),
      remove: (slot) => orWait(slot.address, (left) => this.#departures.begin(this.bus.at(slot.address), left)),
    });
    this.#departures = new Departures({
      removeVirtual: (slot, then) => this.#virtual.removeAll(slot, then),
      release: (slot, left) => this.#release(slot, left),
    });
    this.#virtual = new VirtualFunctions({
      ...{ machine, bus: this.bus, slots: this.#slots, vfioPci: this.#vfioPci },
      enabled: () => this.sysfs.parameters.enableSriov(),
      deviceOf: (slot) => this.#device(slot),
      isLeaving: (slot) => this.#departures.has(slot),
      remove: (slot, gone) => this.#remove(slot, gone),
    });
    this.bus.register(this.#vfioPci);
    for (const driver of hostDrivers()) this.bus.register(driver);
    for (const { requester } of machine.devices) {
      const name = requester.hostDriver;
      if (name !== undefined && !this.bus.driver(name)) this.bus.register(hostDriver(name));
    }
    this.sysfs = new Sysfs(fs, machine.units.values(), {
      bus: this.bus,
      cpus,
      remove: (slot) => orWait(slot.address, (gone) => this.#remove(slot, gone)),
      setVirtual: (slot, count) => this.#virtual.set(slot, count),
      rescan: () => this.#rescan(),
    });
  }

  /** Puts every function in, under the driver that it starts with. */
  start(): void {
    for (const device of this.#machine.devices) {
      const { name, requester, function: pci } = device;
      if (requester.parent === undefined) {
        const slot = this.bus.slot(name, requester, pci);
        for (const { index, start } of slot.resources) pci.config.assign(index, start);
        this.#slots.set(device, slot);
      }
      const driver = requester.hostDriver;
      if (driver === undefined) this.putIn(device);
      else this.#adopt(device, driver);
    }
  }

  /** The directory of a device in sysfs. */
  directoryOf({ name, requester }: MachineDevice): string {
    return requester.parent === undefined ? functionPath(requester.name) : `/sys/devices/virtual/mdev/${name}`;
  }

  /** The driver that a device is bound to; undefined: none. */
  driverOf(device: MachineDevice): string | undefined {
    return device.requester.parent === undefined ? this.#slots.get(device)?.driver?.name : 'vfio-mdev';
  }

  /** Can the device be put in: is it in its slot, whatever driver has it, and not on its way from one? */
  has(device: MachineDevice): boolean {
    const slot = this.#slots.get(device);
    return slot !== undefined && this.bus.slots.includes(slot) && !this.#departures.has(slot);
  }

  /** The virtual functions of a device, the first one first. */
  virtualOf(device: MachineDevice): MachineDevice[] {
    return this.#slots.get(device)?.virtual.map((slot) => this.#device(slot)) ?? [];
  }

  /** A device comes, and is VFIO's. */
  putIn(device: MachineDevice): void {
    const { name, requester } = device;
    const slot = this.#slots.get(device);
    if (slot) {
      this.bus.add(slot, this.#vfioPci);
      return;
    }
    this.sysfs.addMediated(name, requester.group, requester.unit);
    this.#vfio.install(device);
  }

  /** A device that was VFIO's is gone. */
  gone(device: MachineDevice): void {
    const { name, requester } = device;
    const slot = this.#slots.get(device);
    if (slot) {
      this.#virtual.lost(slot);
      this.bus.remove(slot);
    } else this.sysfs.removeMediated(name, requester.group, requester.unit);
  }

  /** The builder of the machine has bound the function to a driver of the host already. */
  #adopt(device: MachineDevice, name: string): void {
    const slot = this.#slots.get(device);
    if (!slot) return;
    const { autoprobe } = this.bus;
    this.bus.autoprobe = false;
    this.bus.add(slot);
    this.bus.autoprobe = autoprobe;
    slot.driver = this.bus.driver(name);
  }

  /** The driver of a function lets it go. @param left called when nobody has it open any more */
  #release(slot: PciSlot, left: () => void): void {
    if (slot.driver === this.#vfioPci) {
      this.#vfio.release(this.#device(slot), left);
      return;
    }
    slot.driver?.remove(slot);
    left();
  }

  #device(slot: Pick<PciSlot, 'address' | 'requester'>): MachineDevice {
    const device = this.#machine.devices.find(({ requester }) => requester === slot.requester);
    if (!device) throw new Error(`${slot.address} is no function of the machine`);
    return device;
  }

  /** A function goes from the machine, after its driver has let it go. @param then called when it is gone */
  #remove(slot: PciSlot, then: () => void): void {
    slot.going = true;
    this.#departures.begin(slot, () => {
      if (this.bus.slots.includes(slot)) {
        unplug(slot.requester);
        this.bus.remove(slot);
      }
      then();
    });
  }

  #rescan(): void {
    const there = new Set(this.bus.slots);
    for (const slot of this.#slots.values()) {
      // One that was taken out under its user's hands comes back when that user has closed it.
      if (there.has(slot) || slot.requester.group.members.has(slot.requester)) continue;
      plug(slot.requester);
      this.bus.add(slot);
    }
  }
}
