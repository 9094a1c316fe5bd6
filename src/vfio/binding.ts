/**
 * A binding: who an open device file belongs to. The wings (containers, iommufd, IOASID contexts) bind devices and attach
 * them; a device file knows only that somebody let it in, and who must be told when it goes.
 */
import type { Requester } from '../iommu/requester.js';
import type { InfoCapability } from './info-capability.js';

export interface DeviceBinding {
  /** Who has the device: a container, an iommufd, a context. Devices with the same owner may be reset together. */
  readonly owner: object;
  /** Bus mastering is on when the device is opened, as the personality's specification has it. */
  readonly busMaster: boolean;
  /** Capabilities of VFIO_DEVICE_GET_INFO that it adds. */
  readonly infoCapabilities?: readonly InfoCapability[];
  /** How it names a device in hot reset: its id, 0 if it owns the device's group, -1 if not; undefined: by group number. */
  readonly deviceId?: (requester: Requester) => number;
  /** The machine takes the device out. Returns true if it is let go at once; not given: its user is asked, and closes it. */
  removed?(): boolean;
  /** The device file was closed; its DMA has stopped. */
  release(): void;
}

/** An open file that may have access to a device. */
export interface DeviceUser {
  readonly binding: DeviceBinding | undefined;
}
