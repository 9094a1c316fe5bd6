/**
 * What iommufd asks of an IOMMU's driver (Linux: struct iommu_ops, iommu_domain_ops and iommufd_viommu_ops): domains, hardware
 * information, virtual IOMMUs. A driver says what its hardware can and refuses what it cannot; ids, references and
 * page tables of paging domains are iommufd's business.
 */
import type { DmaSource, Domain } from './domain.js';
import type { Route } from './pasid-table.js';
import type { IovaRange } from './unit.js';

/** Data of a driver's own that user space hands over: `type` says which struct, read when the driver wants it. */
export interface UserData {
  readonly type: number;
  /** Bytes that user space gave. */
  readonly length: number;
  /**
   * The struct, filled up with zeroes.
   * @param least bytes of its first version; @param known bytes of the version that the driver knows
   * @throws EINVAL shorter than the first version, or longer than the known one; EFAULT
   */
  read(least: number, known: number): DataView;
  /** Writes the struct back, as much of it as user space gave. @throws EFAULT */
  write(from: DataView): void;
}

/** An array of a driver's own structs. */
export interface UserArray {
  readonly type: number;
  readonly entries: number;
  /** One entry. @throws EINVAL shorter than the first version or longer than the known one; EFAULT */
  read(index: number, least: number, known: number): DataView;
  /** One entry; a longer one needs a tail of zeroes. @throws E2BIG, EFAULT */
  readPadded(index: number, known: number): DataView;
}

/** A device behind the IOMMU, as its driver knows it. */
export interface DriverDevice {
  /** Name for traces. */
  readonly name: string;
  readonly driver: IommuDriver;
  /** Who its requests come from; undefined: it issues none. */
  readonly source: DmaSource | undefined;
  /** The IOMMU that it is behind: two devices with the same one can share a virtual IOMMU. */
  readonly iommu: object;
  /** DMA is coherent with the CPU's caches. */
  readonly coherent: boolean;
  /** Its IOMMU can make every request snoop. */
  readonly canEnforceCoherency: boolean;
  readonly dirtyTracking: boolean;
  /** Address translation services. */
  readonly ats: boolean;
  /** First PASID that is too large; 0: no PASIDs. */
  readonly maxPasids: number;
  readonly pasidExec: boolean;
  readonly pasidPriv: boolean;
  /** Addresses that never go through translation. */
  readonly reserved: readonly IovaRange[];
}

/** A paging domain, as far as the hardware decides. */
export interface DriverPaging {
  readonly kind: 'paging';
  readonly driver: IommuDriver;
  /** Bitmap of page sizes, bytes. */
  readonly pageSizes: bigint;
  readonly aperture: IovaRange;
  readonly dirtyTracking: boolean;
  /** Every request is snooped: decided when it is made. */
  readonly enforceCoherency: boolean;
}

/** A domain whose table user space keeps, below a paging domain. */
export interface DriverNested {
  readonly kind: 'nested';
  readonly driver: IommuDriver;
  /** How it translates; undefined: nothing goes through it. */
  readonly translation: Domain | undefined;
  /**
   * Forgets what was cached of user space's table.
   * @returns entries that were done; fewer than there are with `error`
   */
  invalidate(array: UserArray): Invalidated;
}

export interface Invalidated {
  readonly done: number;
  readonly error?: Error;
}

export type DriverDomain = DriverPaging | DriverNested;

/** What requests are attached to. */
export interface AttachTarget {
  readonly domain: DriverDomain;
  /** Where they go. */
  readonly route: Route;
}

/** What a nested domain is below: the parent, and how it translates. */
export interface NestParent {
  readonly domain: DriverPaging;
  readonly translation: Domain;
}

/** A hardware queue that a virtual IOMMU owns. */
export interface DriverQueue {
  /** The queue that must not go before this one. */
  readonly dependsOn: DriverQueue | undefined;
  destroy(): void;
}

/** What iommufd offers to a virtual IOMMU. */
export interface ViommuHost {
  /** A device by the number that user space gave it. */
  device(virtId: bigint): DriverDevice | undefined;
  /** The number of a device. */
  virtId(device: DriverDevice): bigint | undefined;
  /** Tells user space of an event. @throws EOPNOTSUPP nobody listens to that type */
  report(type: number, data: Uint8Array): void;
  /** Memory that user space may map. @returns its offset in the file, bytes */
  offerMmap(size: number): { readonly offset: bigint; write(at: number, from: Uint8Array): void };
}

export interface DriverViommu {
  readonly nested?: (flags: number, data: UserData) => DriverNested;
  invalidate?(array: UserArray): Invalidated;
  /** It knows this type of queue. */
  hasQueue?(type: number): boolean;
  /** @throws EINVAL, EEXIST, EIO as the hardware has it */
  queue?(index: number): DriverQueue;
  destroy(): void;
}

export interface IommuDriver {
  readonly name: string;
  /** User space owns the whole PASID table of a nested domain: faults with a PASID that is not attached go there. */
  readonly userPasidTable: boolean;
  /** @throws EOPNOTSUPP, EINVAL the type of information is unknown */
  hwInfo?(device: DriverDevice, type: number): { readonly type: number; readonly bytes: Uint8Array };
  /** It takes flags and data; one that does not makes only plain domains. */
  readonly extended: boolean;
  /** @param flags IOMMU_HWPT_ALLOC_*, without FAULT_ID_VALID. @throws EOPNOTSUPP, EINVAL, EFAULT */
  paging(device: DriverDevice, flags: number, data: UserData | undefined): DriverPaging;
  /** @throws EOPNOTSUPP, EINVAL, EFAULT */
  nested?(device: DriverDevice, parent: NestParent, flags: number, data: UserData): DriverNested;
  hasViommu?(device: DriverDevice, type: number): boolean;
  viommu?(device: DriverDevice, host: ViommuHost, data: UserData | undefined): DriverViommu;
  /**
   * Routes a device, or one PASID of it, to a domain.
   * @param pasid 0: requests without one
   * @param target undefined: blocked
   * @throws EINVAL the device cannot use the domain; nothing changes then
   */
  attach(device: DriverDevice, pasid: number, target: AttachTarget | undefined): void;
}
