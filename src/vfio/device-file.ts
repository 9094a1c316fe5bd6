/**
 * An open file of a device: /dev/vfio/devices/vfioN, or what VFIO_GROUP_GET_DEVICE_FD gives. Without a binding it has no
 * access: every call but those that bind answers EINVAL.
 */
import { Errno } from '../abi/errno.js';
import type { AssignedDevice } from './assigned-device.js';
import type { DeviceBinding } from './binding.js';
import type { OpenDevice } from './open/open-device.js';

export class DeviceFile {
  readonly device: AssignedDevice;
  /** How it was opened: each way has rules of its own. */
  readonly through: 'cdev' | 'group';
  #binding: DeviceBinding | undefined;

  constructor(device: AssignedDevice, through: 'cdev' | 'group') {
    this.device = device;
    this.through = through;
  }

  get binding(): DeviceBinding | undefined {
    return this.#binding;
  }

  /** Gives the file access. @throws ENODEV; the binding is released then */
  bind(binding: DeviceBinding): void {
    this.#binding = binding;
    try {
      this.device.open(this, binding.busMaster);
    } catch (error) {
      this.#binding = undefined;
      binding.release();
      throw error;
    }
    if (this.through === 'cdev') this.device.group.bindDevice();
  }

  /** Takes the access away: the device is closed first, so that its DMA stops before translations go. */
  unbind(): void {
    const binding = this.#binding;
    if (!binding) return;
    this.#binding = undefined;
    this.device.close(this);
    if (this.through === 'cdev') this.device.group.unbindDevice();
    binding.release();
  }

  /** The device, for a call that needs access. @throws ENODEV it is gone; EINVAL no access */
  require(): OpenDevice {
    const opened = this.#binding && this.device.opened;
    if (opened) return opened;
    if (this.device.removed) throw new Errno('ENODEV', `${this.device.name} was unplugged`);
    throw new Errno('EINVAL', `${this.device.name} is not bound through this open file`);
  }
}
