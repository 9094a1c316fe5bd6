/**
 * A group of devices in the eyes of one context (Linux: struct iommufd_group): what its requests, with and without PASID,
 * are attached to. A group moves as a whole: its first device attaches it, the others join, the last one detaches it.
 */
import type { AttachTarget, DriverDevice } from '../../iommu/driver.js';
import type { Hwpt } from '../hwpt/hwpt.js';

/** Devices that the IOMMU cannot tell apart, and who owns their DMA. */
export interface DmaGroup {
  readonly id: number;
  /** All that are in it, bound or not. */
  readonly devices: Iterable<DriverDevice>;
  /** Takes the group's DMA for an owner; as often as wanted. @throws EPERM somebody else has it */
  claim(owner: object): void;
  release(owner: object): void;
}

/** What requests with one PASID, or without, are attached to. */
export interface Attachment<D> {
  hwpt: Hwpt;
  /** Where requests go: to the table, and their faults to its queue. */
  target: AttachTarget;
  readonly devices: Set<D>;
}

/** The number that stands for requests without a PASID. */
export const NO_PASID = 0;

/** @typeParam D how a bound device is known */
export class IommufdGroup<D> {
  readonly group: DmaGroup;
  /** By PASID. */
  readonly attachments = new Map<number, Attachment<D>>();
  /** Devices of this context. */
  members = 0;

  constructor(group: DmaGroup) {
    this.group = group;
  }

  /** Some PASID is attached. */
  get anyPasid(): boolean {
    for (const pasid of this.attachments.keys()) if (pasid !== NO_PASID) return true;
    return false;
  }
}

/**
 * Routes a group's requests.
 * @param devices of the group; with a PASID only the one that is attached
 * @param target undefined: blocked
 * @param before where they go now, for going back
 * @throws what the driver answers; everything is as before then
 */
export function route(
  devices: Iterable<DriverDevice>,
  pasid: number,
  target: AttachTarget | undefined,
  before: AttachTarget | undefined,
): void {
  const done: DriverDevice[] = [];
  try {
    for (const device of devices) {
      device.driver.attach(device, pasid, target);
      done.push(device);
    }
  } catch (error) {
    for (const device of done) device.driver.attach(device, pasid, before);
    throw error;
  }
}
