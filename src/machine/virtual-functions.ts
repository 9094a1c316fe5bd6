/**
 * SR-IOV of a machine (drivers/pci/iov.c): a write to sriov_numvfs makes the virtual functions of a physical one, or takes all
 * of them away, one after the other. They have the driver of their physical function, vfio-pci.
 */
import { Errno } from '../abi/errno.js';
import { plug, unplug } from '../iommu/attach.js';
import type { PciBus, PciSlot } from '../pci/bus/bus.js';
import type { PciDriver } from '../pci/bus/driver.js';
import { EXTENDED, SRIOV } from '../pci/config/extended-capabilities.js';
import type { Machine, MachineDevice } from './build.js';
import { orWait, waitFor } from './departures.js';

/** What the machine does with its functions. */
export interface VirtualFunctionSteps {
  readonly machine: Machine;
  readonly bus: PciBus;
  /** The slots of the devices that there are. */
  readonly slots: Map<MachineDevice, PciSlot>;
  readonly vfioPci: PciDriver;
  /** vfio_pci's parameter enable_sriov. */
  enabled(): boolean;
  deviceOf(slot: PciSlot): MachineDevice;
  /** Does the driver let the function go now? */
  isLeaving(slot: PciSlot): boolean;
  /** Takes a function out. @param gone called then, which may be at once */
  remove(slot: PciSlot, gone: () => void): void;
}

export class VirtualFunctions {
  readonly #steps: VirtualFunctionSteps;
  /** The physical functions whose virtual ones go now, and what follows for each. */
  readonly #emptying = new Map<PciSlot, (() => void)[]>();
  /** Virtual functions that were there before. */
  readonly #gone = new Set<MachineDevice>();

  constructor(steps: VirtualFunctionSteps) {
    this.#steps = steps;
  }

  /**
   * What a write to sriov_numvfs does: virtual functions come at once, or go when the last user has closed each.
   * @throws EINVAL not 16 bits; ERANGE more than there can be; EBUSY there are some already; ENOENT no driver that can; Pending
   *   they go, or the function is on its way from its driver
   */
  set(slot: PciSlot, count: number): void {
    const { bus, vfioPci, isLeaving, enabled } = this.#steps;
    const total = slot.function.config.get16(capability(slot) + SRIOV.TOTAL_VFS);
    if (count > 0xffff) throw new Errno('EINVAL', `${count} is no number of 16 bits`);
    if (count > total)
      throw new Errno('ERANGE', `${slot.address} has at most ${total} virtual functions, not ${count}`);
    const busy = (): boolean => isLeaving(slot) || this.#emptying.has(slot);
    // The lock of the device is held meanwhile.
    if (busy())
      waitFor(
        `${slot.address} is on its way`,
        () => !busy(),
        () => bus.slots.includes(slot) && this.set(slot, count),
      );
    const now = slot.virtual.length;
    if (count === now) return;
    if (slot.driver !== vfioPci)
      throw new Errno('ENOENT', `${slot.address} has no driver that can make virtual functions`);
    if (count > 0 && now > 0) throw new Errno('EBUSY', `${slot.address} has ${now} virtual functions already`);
    if (!enabled())
      throw new Errno(
        'ENOENT',
        `vfio-pci makes no virtual functions of ${slot.address}: its parameter enable_sriov is N`,
      );
    if (count === 0) orWait(`a virtual function of ${slot.address}`, (gone) => this.removeAll(slot, gone));
    else this.#add(slot, count);
  }

  #add(slot: PciSlot, count: number): void {
    const { machine, bus, slots, vfioPci, deviceOf } = this.#steps;
    const devices = Array.from({ length: count }, (_, index) => machine.addVirtual(deviceOf(slot), index));
    // One that was taken out under its user's hands is there until that user closes it. A new one is a member of its group.
    const held = devices.find(
      (device) => this.#gone.has(device) && device.requester.group.members.has(device.requester),
    );
    if (held) {
      for (const device of devices) machine.removeVirtual(device);
      throw new Errno('EBUSY', `${held.requester.name} is still held by its user`);
    }
    for (const device of devices) {
      const virtual = slots.get(device) ?? bus.slot(device.name, device.requester, device.function);
      virtual.physical = slot;
      virtual.driverOverride = vfioPci.name;
      slot.virtual.push(virtual);
      slots.set(device, virtual);
      plug(device.requester);
      bus.add(virtual, vfioPci);
    }
    this.#show(slot);
  }

  /** One virtual function after the other goes, the first one first. @param then called when there is none any more */
  removeAll(slot: PciSlot, then: () => void): void {
    const known = this.#emptying.get(slot);
    if (known) {
      known.push(then);
      return;
    }
    const following = [then];
    this.#emptying.set(slot, following);
    this.#removeFrom(slot, 0, () => {
      this.#emptying.delete(slot);
      for (const virtual of slot.virtual.splice(0)) this.#forget(virtual);
      this.#show(slot);
      for (const act of following) act();
    });
  }

  #removeFrom(slot: PciSlot, index: number, then: () => void): void {
    const virtual = slot.virtual[index];
    if (virtual) this.#steps.remove(virtual, () => this.#removeFrom(slot, index + 1, then));
    else then();
  }

  /** The physical function was taken out under its users' hands, and the virtual ones with it. */
  lost(slot: PciSlot): void {
    const { bus } = this.#steps;
    for (const virtual of slot.virtual.splice(0)) {
      if (bus.slots.includes(virtual)) {
        unplug(virtual.requester);
        bus.remove(virtual);
      }
      this.#forget(virtual);
    }
    this.#show(slot);
  }

  #forget(virtual: PciSlot): void {
    const { slots, machine, deviceOf } = this.#steps;
    const device = deviceOf(virtual);
    slots.delete(device);
    this.#gone.add(device);
    machine.removeVirtual(device);
  }

  /** The SR-IOV capability tells how many there are. */
  #show(slot: PciSlot): void {
    const { virtual, function: pci } = slot;
    const at = capability(slot);
    if (at === 0) return;
    pci.config.set16(at + SRIOV.NUM_VFS, virtual.length);
    pci.config.set16(at + SRIOV.CONTROL, virtual.length > 0 ? SRIOV.VF_ENABLE | SRIOV.VF_MEMORY : 0);
  }
}

/** Where the SR-IOV capability is; 0: there is none. */
const capability = ({ function: pci }: PciSlot): number => pci.config.findExtended(EXTENDED.SRIOV) ?? 0;
