/**
 * An iommufd that stands in for a container (linux-iommufd.md, compatibility): what a group asks of an open /dev/iommu that
 * it was given by VFIO_GROUP_SET_CONTAINER.
 */
import { Facet } from '../kernel/file/facet.js';
import type { AssignedDevice } from './assigned-device.js';

export interface CompatIommu {
  /** Makes the address space that devices are attached to, if there is none. @throws Errno */
  prepare(): void;
  /** Takes the device's DMA and attaches it. Returns what undoes both. @throws Errno */
  open(device: AssignedDevice): () => void;
}

/** The compatibility side of an open file. */
export const COMPAT_IOMMU = new Facet<CompatIommu>('iommufd in place of a container');
