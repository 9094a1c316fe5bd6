/** What VFIO needs of the machine around its devices. */

import type { IommuGroup } from '../iommu/requester.js';
import type { PollerSet } from '../pci/function.js';

/** A function that a reset of the bus concerns. */
export interface BusFunction<D> {
  /** PCI address, DDDD:BB:DD.F. */
  readonly address: string;
  readonly group: IommuGroup;
  /** It is under a VFIO driver. */
  readonly device: D | undefined;
}

/** @typeParam D a device under a VFIO driver */
export interface VfioHost<D> {
  readonly pollers: PollerSet;
  /** Calls back after a delay, milliseconds of the machine's clock. Returns what cancels it. */
  schedule(delay: number, act: () => void): () => void;
  /** All functions on the device's bus, this one among them; undefined: a root bus, which cannot be reset. */
  busFunctions(device: D): readonly BusFunction<D>[] | undefined;
}
