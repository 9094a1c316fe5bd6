/**
 * The PCI bus as Linux's driver core keeps it (drivers/base/bus.c, dd.c, drivers/pci/pci-driver.c): the functions that are
 * there, the drivers, and which function is bound to which. What sysfs shows and takes of it is in sysfs/.
 */
import { Errno } from '../../abi/errno.js';
import type { Requester } from '../../iommu/requester.js';
import type { PciFunction } from '../function.js';
import type { PciDriver } from './driver.js';
import { type Resource, ResourceWindows } from './resource.js';

/** A function in its slot (Linux: struct pci_dev). */
export class PciSlot {
  /** DDDD:BB:DD.F, lower case. */
  readonly address: string;
  /** The name that the machine gave it. */
  readonly name: string;
  readonly requester: Requester;
  readonly function: PciFunction;
  readonly resources: readonly Resource[];
  driver: PciDriver | undefined;
  /** It is not put in yet, or is being taken out. */
  going = true;
  /** The only driver that matches; undefined: drivers match by their ids. */
  driverOverride: string | undefined;
  /** Of a virtual function: its physical function's slot. */
  physical: PciSlot | undefined;
  /** Of a physical function: its virtual functions, the first one first. */
  readonly virtual: PciSlot[] = [];

  constructor(name: string, requester: Requester, pci: PciFunction, resources: readonly Resource[]) {
    this.address = requester.name;
    this.name = name;
    this.requester = requester;
    this.function = pci;
    this.resources = resources;
  }
}

/** Told of what comes, goes and changes. */
export interface BusWatcher {
  added(slot: PciSlot): void;
  removed(slot: PciSlot): void;
}

export class PciBus {
  readonly #slots = new Map<string, PciSlot>();
  readonly #drivers = new Map<string, PciDriver>();
  readonly #windows = new ResourceWindows();
  readonly #watchers: BusWatcher[] = [];
  /** Functions that come are bound to a driver that matches. */
  autoprobe = true;

  /** The functions that are there, in the order of their addresses. */
  get slots(): PciSlot[] {
    return [...this.#slots.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  get drivers(): IterableIterator<PciDriver> {
    return this.#drivers.values();
  }

  driver(name: string): PciDriver | undefined {
    return this.#drivers.get(name);
  }

  watch(watcher: BusWatcher): void {
    this.#watchers.push(watcher);
  }

  /** Registers a driver. It is bound to nothing yet. */
  register(driver: PciDriver): void {
    this.#drivers.set(driver.name, driver);
  }

  /** A function's slot, before it is put in. */
  slot(name: string, requester: Requester, pci: PciFunction): PciSlot {
    const { bars, romSize } = pci.model.layout;
    const resources = this.#windows.assign(bars);
    if (romSize) resources.push(this.#windows.assignRom(romSize));
    return new PciSlot(name, requester, pci, resources);
  }

  /** Puts a function in, if it is not. @param driver it is bound to; not given: one that matches, or none */
  add(slot: PciSlot, driver?: PciDriver): void {
    if (!this.#slots.has(slot.address)) {
      this.#slots.set(slot.address, slot);
      slot.going = false;
      for (const watcher of this.#watchers) watcher.added(slot);
    }
    if (driver) this.#bind(driver, slot);
    else if (this.autoprobe) this.#attach(slot);
  }

  /** Takes a function out; its driver has let it go. */
  remove(slot: PciSlot): void {
    this.#slots.delete(slot.address);
    slot.going = true;
    slot.driver = undefined;
    slot.driverOverride = undefined;
    for (const watcher of this.#watchers) watcher.removed(slot);
  }

  /** The function at an address. @throws ENODEV */
  at(address: string): PciSlot {
    const slot = this.#slots.get(address);
    if (!slot) throw new Errno('ENODEV', `there is no PCI function ${address}`);
    return slot;
  }

  /**
   * What a write to a driver's bind does.
   * @throws ENODEV no such function, or the driver does not match it; EBUSY it is bound; and what probe throws
   */
  bind(driver: PciDriver, address: string): void {
    const slot = this.at(address);
    if (!driver.matches(slot)) throw new Errno('ENODEV', `${driver.name} does not match ${address}`);
    if (slot.driver) throw new Errno('EBUSY', `${address} is bound to ${slot.driver.name}`);
    this.#bind(driver, slot);
  }

  /** What a write to a driver's unbind does. @throws ENODEV the function is not bound to it; and what remove throws */
  unbind(driver: PciDriver, address: string): void {
    const slot = this.at(address);
    if (slot.driver !== driver) throw new Errno('ENODEV', `${address} is not bound to ${driver.name}`);
    driver.remove(slot);
    slot.driver = undefined;
  }

  /**
   * What a write to drivers_probe does: binds a function to the first driver that matches and takes it. That none does is
   * no error.
   * @throws ENODEV no such function; EINVAL the DMA of its group is another's, so that no driver can be tried
   */
  probe(address: string): void {
    if (!this.#attach(this.at(address)))
      throw new Errno('EINVAL', `the group of ${address} is in use: its DMA is for no driver`);
  }

  /** Binds a function to the first driver that takes it. Returns false if the DMA of its group is another's. */
  #attach(slot: PciSlot): boolean {
    if (slot.driver) return true;
    for (const driver of this.#drivers.values()) {
      if (!driver.matches(slot)) continue;
      try {
        this.#bind(driver, slot);
        return true;
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        if (driver.ownsDma) return false;
      }
    }
    return true;
  }

  /** What a write to new_id does: every unbound function that the driver matches is bound at once. */
  addId(driver: PciDriver, text: string): void {
    driver.addId(text);
    for (const slot of this.slots) if (!slot.driver && driver.matches(slot)) this.#attach(slot);
  }

  #bind(driver: PciDriver, slot: PciSlot): void {
    driver.probe(slot);
    slot.driver = driver;
  }
}
