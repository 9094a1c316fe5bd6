/** An attachment: one device on one address space, by requester ID or by PASID (uapi-ioasid.md, 3.2). */
import type { Requester } from '../../iommu/requester.js';

/** A device, as far as the address spaces that it is attached to depend on it. */
export interface AttachedDevice {
  readonly requester: Requester;
  /** The user's name for the device. */
  readonly cookie: bigint;
  /** The assignable devices of its group, itself among them; undefined for one that is not bound. */
  mates(): (AttachedDevice | undefined)[];
}

export interface Attachment {
  readonly device: AttachedDevice;
  /** undefined: the default attachment. */
  readonly pasid: number | undefined;
  /** The user's promise that the device issues no no-snoop requests. */
  readonly noSnoopUnused: boolean;
}
