/** What a machine file says of a device, as its model takes it. */
import type { BarKind } from '../pci/config/layout.js';
import type { BlockStore } from './block-store.js';

/** How many ways a function has to interrupt. */
export interface InterruptOptions {
  /** It has an interrupt pin. */
  readonly intx: boolean;
  /** MSI messages: 0, or a power of two to 32. */
  readonly msi: number;
  /** Entries of the MSI-X table: 0 to 2048. */
  readonly msix: number;
}

/** What every PCI function has; undefined: as the model is by itself. */
export interface FunctionOptions {
  readonly bus?: 'pci' | 'pcie' | undefined;
  readonly interrupts?: InterruptOptions | undefined;
  /** Width of a PASID in bits; 0: it tags no requests. */
  readonly pasidBits: number;
  /** It asks for pages. */
  readonly pageRequests: boolean;
  /** Virtual functions that it can have; 0: no SR-IOV. */
  readonly virtualFunctions: number;
}

export interface IoatOptions {
  /** CBVER: with 3.4 drivers recover from errors within microseconds, which only a poller that spins can serve. */
  readonly version: 0x33 | 0x34;
  /** XFERCAP: log2 of the largest transfer, bytes. */
  readonly largestTransfer: number;
}

export interface EduOptions {
  /** Programs map the BAR, and the device sees stores by looking; else each access is a call. */
  readonly mapped: boolean;
}

export interface BarOptions {
  readonly index: number;
  readonly kind: BarKind;
  /** Bytes: a power of two. */
  readonly size: number;
  readonly prefetchable: boolean;
}

export interface IdentityOptions {
  readonly vendor: number;
  readonly device: number;
  readonly classCode: number;
}

export interface MemoryOptions {
  readonly identity: IdentityOptions;
  readonly bars: readonly BarOptions[];
  /** Bytes of an expansion ROM; undefined: it has none. */
  readonly romSize?: number | undefined;
}

export interface NvmeOptions {
  /** At most 20 ASCII characters. */
  readonly serial: string;
  /** At least one. @property blockSize 512 or 4096 bytes */
  readonly namespaces: readonly { readonly store: BlockStore; readonly blockSize: number }[];
}

export interface ModelOptions extends FunctionOptions {
  readonly nvme?: NvmeOptions | undefined;
  readonly ioat?: IoatOptions | undefined;
  readonly edu?: EduOptions | undefined;
  readonly memory?: MemoryOptions | undefined;
}
