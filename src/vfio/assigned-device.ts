/**
 * A device under a VFIO driver (Linux: struct vfio_device): what all of its open files share. It is open while one of them
 * has access to it; the first and the last do the work of linux-vfio.md, 5.1.
 */
import { Errno } from '../abi/errno.js';
import { unplug } from '../iommu/attach.js';
import type { Requester } from '../iommu/requester.js';
import { PCI_COMMAND, PCI_CONFIG } from '../pci/config/config-space.js';
import type { PciFunction } from '../pci/function.js';
import type { DeviceUser } from './binding.js';
import type { VfioGroup } from './group.js';
import type { VfioHost } from './host.js';
import { resetKeepingHeader } from './open/function-config.js';
import { OpenDevice } from './open/open-device.js';
import type { TokenRole } from './vf-token.js';

/** How often a user is asked to let a device go that is taken out, milliseconds. */
const REQUEST_INTERVAL = 10_000;

/** What the machine says of a device beside its function. */
export interface DeviceFacts {
  readonly virtualFunction: boolean;
  /** Vectors of MSI-X can be added while it is enabled: interrupts are remapped. */
  readonly dynamicMsix: boolean;
  /** Its directory in /sys. */
  readonly directory: string;
}

export class AssignedDevice {
  /** Name under /dev/vfio/devices. */
  readonly name: string;
  readonly requester: Requester;
  readonly function: PciFunction;
  readonly group: VfioGroup<AssignedDevice>;
  readonly host: VfioHost<AssignedDevice>;
  readonly facts: DeviceFacts;
  /** Where it stands in SR-IOV. */
  tokenRole: TokenRole = { kind: 'other' };
  /** The files that have access, the first to have it first. */
  readonly files = new Set<DeviceUser>();
  /** Taken out of the machine, or its driver lets it go: no new opens. */
  removed = false;
  #open: OpenDevice | undefined;
  #stopAsking: (() => void) | undefined;
  /** Open files of its own node, with access or without. */
  #nodeFiles = 0;
  /** Its driver lets it go: files without access must be closed too. */
  #waitsForNode = false;
  /** What follows when the last user of a removed device has closed it. */
  #left: (() => void) | undefined;

  constructor(
    name: string,
    requester: Requester,
    pci: PciFunction,
    group: VfioGroup<AssignedDevice>,
    host: VfioHost<AssignedDevice>,
    facts: DeviceFacts,
  ) {
    this.name = name;
    this.requester = requester;
    this.function = pci;
    this.group = group;
    this.host = host;
    this.facts = facts;
    group.devices.add(this);
    pci.reset();
    // As firmware leaves it.
    pci.writeConfig(PCI_CONFIG.COMMAND, new Uint8Array([PCI_COMMAND.IO | PCI_COMMAND.MEMORY, PCI_COMMAND.SERR >> 8]));
  }

  /** The device while it is open. */
  get opened(): OpenDevice | undefined {
    return this.#open;
  }

  /** A reset of it alone works: by the function's own means, or because its bus has no other function. */
  get canReset(): boolean {
    if (this.requester.parent !== undefined || this.function.resetMethods.length > 0) return true;
    return this.host.busFunctions(this)?.length === 1;
  }

  /** @throws ENODEV the device was taken out, or its driver lets it go */
  requireThere(): void {
    if (this.removed) throw new Errno('ENODEV', `${this.name} was unplugged, or its driver lets it go`);
  }

  /** A file gets access. @throws ENODEV */
  open(file: DeviceUser, busMaster: boolean): OpenDevice {
    this.requireThere();
    this.#open ??= new OpenDevice(
      this.function,
      { ...this.facts, canReset: this.canReset },
      this.host.pollers,
      busMaster,
    );
    this.files.add(file);
    return this.#open;
  }

  /** A file that had access is closed. */
  close(file: DeviceUser): void {
    this.files.delete(file);
    if (this.files.size > 0) return;
    this.#open?.close();
    this.#open = undefined;
    if (!this.canReset) this.#resetTogether();
    this.#leaveIfClosed();
  }

  /** Its own node is opened. @throws ENODEV */
  openNode(): void {
    this.requireThere();
    this.#nodeFiles++;
  }

  /** An open file of its own node is closed. */
  closeNode(): void {
    this.#nodeFiles--;
    this.#leaveIfClosed();
  }

  /** It cannot be reset alone: it is reset with its bus, once nobody has any function of that open. */
  #resetTogether(): void {
    const devices = this.host.busFunctions(this)?.map(({ device }) => device) ?? [];
    const idle = devices.filter((device) => device && !device.opened);
    if (idle.length < devices.length) return;
    for (const device of idle) device?.resetWithBus();
  }

  /** The bus is reset. */
  resetWithBus(): void {
    if (this.#open) this.#open.reset();
    else resetKeepingHeader(this.function);
  }

  /** Taken out of the machine: users are asked to let it go, at once and again, until the last has closed it. */
  remove(): void {
    this.removed = true;
    this.#open?.interrupts.request.raise();
    for (const file of [...this.files]) if (file.binding?.removed?.()) this.files.delete(file);
    this.#goWhenClosed(() => unplug(this.requester));
  }

  /**
   * Its driver lets it go: nobody opens it any more, and users are asked to close it, at once and again.
   * @param left called when nobody has it open any more, which may be at once
   */
  unbind(left: () => void): void {
    this.removed = true;
    this.#waitsForNode = true;
    this.#open?.interrupts.request.raise();
    this.#goWhenClosed(left);
  }

  #goWhenClosed(left: () => void): void {
    this.#left = left;
    this.#ask();
    this.#leaveIfClosed();
  }

  #leaveIfClosed(): void {
    if (!this.#left || this.files.size > 0 || (this.#waitsForNode && this.#nodeFiles > 0)) return;
    this.#leave();
  }

  #ask(): void {
    this.#stopAsking = this.host.schedule(REQUEST_INTERVAL, () => {
      this.#open?.interrupts.request.raise();
      this.#ask();
    });
  }

  #leave(): void {
    this.#stopAsking?.();
    this.#open?.close();
    this.#open = undefined;
    this.group.devices.delete(this);
    const left = this.#left;
    this.#left = undefined;
    left?.();
  }
}
