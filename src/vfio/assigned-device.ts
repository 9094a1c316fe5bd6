/**
 * A device that can be assigned, and what an open file of it is (uapi-ioasid.md, section 3). Before a successful bind
 * through this open file every other access answers EINVAL; after the device was unplugged every access answers ENODEV.
 */
import { Errno } from '../abi/errno.js';
import { VFIO_IOASID_IOCTLS } from '../abi/ioasid-ioctls.js';
import type { BoundDevice } from '../ioasid/bound-device.js';
import { unplug } from '../iommu/attach.js';
import type { Requester } from '../iommu/requester.js';
import { PCI_COMMAND, PCI_CONFIG } from '../pci/config-space.js';
import type { PciFunction } from '../pci/function.js';
import { Interrupts } from './interrupts.js';

/** A device that can be assigned: what all of its open files share. */
export class AssignedDevice {
  /** Name under /dev/vfio/devices. */
  readonly name: string;
  readonly requester: Requester;
  readonly function: PciFunction;
  readonly interrupts: Interrupts;
  /** The open file that bound it. */
  boundBy: VfioFile | undefined;
  /** Taken out of the machine. */
  removed = false;

  constructor(name: string, requester: Requester, pci: PciFunction) {
    this.name = name;
    this.requester = requester;
    this.function = pci;
    this.interrupts = new Interrupts(pci.interrupts);
    this.reset();
  }

  /** Taken out of the machine under its user's hands: descriptors stay, calls answer ENODEV. */
  remove(): void {
    this.removed = true;
    this.interrupts.request();
    const bound = this.boundBy?.bound;
    bound?.context.remove(bound);
    unplug(this.requester);
  }

  /** Function-level reset, then as the host leaves an assigned device: memory decoding and bus mastering on. */
  reset(): void {
    this.function.reset();
    this.function.writeConfig(PCI_CONFIG.COMMAND, new Uint8Array([PCI_COMMAND.MEMORY | PCI_COMMAND.BUS_MASTER, 0]));
  }
}

export class VfioFile {
  readonly device: AssignedDevice;
  /** The binding that was made through this open file. */
  bound: BoundDevice | undefined;

  constructor(device: AssignedDevice) {
    this.device = device;
  }

  /** The last close: the device is detached and unbound (3.1). */
  release(): void {
    this.bound?.context.unbind(this.bound);
  }

  /** The binding, for an access that needs one. @throws ENODEV, EINVAL */
  require(): BoundDevice {
    if (this.device.removed) throw new Errno('ENODEV', `${this.device.name} was unplugged`);
    if (!this.bound) throw new Errno('EINVAL', `${this.device.name} is not bound through this open file`);
    return this.bound;
  }

  /** Before the argument is read: is this ioctl possible at all? */
  guard(request: number): void {
    if (request !== VFIO_IOASID_IOCTLS.BIND_IOASID_FD.request) this.require();
    else if (this.device.removed) throw new Errno('ENODEV', `${this.device.name} was unplugged`);
  }
}
