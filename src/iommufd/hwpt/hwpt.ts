/**
 * Hardware page tables (HWPT): a paging one shows an IOAS to devices; a nested one is user space's own table below a paging
 * one (linux-iommufd.md, 8).
 */

import type { Domain } from '../../iommu/domain.js';
import type { DriverDomain, DriverNested, DriverPaging } from '../../iommu/driver.js';
import type { TableDomain } from '../../iopt/io-page-table.js';
import type { Range } from '../../iopt/ranges.js';
import type { Ioas } from '../ioas/ioas.js';
import { IommufdObject } from '../objects.js';
import type { FaultQueue } from '../queues/fault-queue.js';
import { DirtyLog } from './dirty-log.js';
import { TableTranslation } from './translation.js';

/** Either kind. */
export abstract class Hwpt extends IommufdObject {
  abstract readonly domain: DriverDomain;
  /** How it translates; undefined: nothing goes through it. */
  abstract readonly translation: Domain | undefined;
  /** It may be attached to PASIDs, and to devices that have such attachments. */
  readonly pasid: boolean;
  /** Faults of its devices wait here for user space. */
  #faults: FaultQueue | undefined;

  constructor(pasid: boolean) {
    super();
    this.pasid = pasid;
  }

  get faults(): FaultQueue | undefined {
    return this.#faults;
  }

  /** Sends faults to a queue, for good. */
  useFaults(queue: FaultQueue): void {
    this.#faults = queue;
    queue.users++;
  }

  /** The paging table that it ends in: itself, or its parent. */
  abstract readonly paging: HwptPaging;

  destroy(): void {
    if (this.#faults) this.#faults.users--;
    this.release();
  }

  protected abstract release(): void;
}

export class HwptPaging extends Hwpt implements TableDomain {
  readonly kind = 'paging HWPT';
  readonly ioas: Ioas;
  readonly domain: DriverPaging;
  /** Nested tables may be below it. */
  readonly nestParent: boolean;
  /** iommufd made it for an attachment; it goes with the last device. */
  readonly automatic: boolean;
  readonly dirty: DirtyLog;
  readonly translation: TableTranslation;

  #filled = false;

  /** It translates nothing until it is filled. */
  constructor(ioas: Ioas, domain: DriverPaging, options: { pasid: boolean; nestParent: boolean; automatic: boolean }) {
    super(options.pasid);
    this.ioas = ioas;
    this.domain = domain;
    this.nestParent = options.nestParent;
    this.automatic = options.automatic;
    this.dirty = new DirtyLog(ioas.table, domain.pageSizes);
    this.translation = new TableTranslation(ioas.table, domain.enforceCoherency);
    ioas.users++;
  }

  /** It shows the IOAS from now on. @throws what IoPageTable.addDomain() does */
  fill(): void {
    this.ioas.table.addDomain(this);
    this.ioas.hwpts.add(this);
    this.#filled = true;
  }

  /** Devices' writes are recorded. */
  get tracking(): boolean {
    return this.translation.dirty !== undefined;
  }
  set tracking(wanted: boolean) {
    this.translation.dirty = wanted ? this.dirty : undefined;
  }
  get pageSizes(): bigint {
    return this.domain.pageSizes;
  }
  get aperture(): Range {
    return this.domain.aperture;
  }
  get paging(): HwptPaging {
    return this;
  }

  forget(start: bigint, last: bigint): void {
    this.dirty.forget(start, last);
  }

  protected release(): void {
    if (this.#filled) {
      this.ioas.hwpts.delete(this);
      this.ioas.table.removeDomain(this);
    }
    this.ioas.users--;
  }
}

export class HwptNested extends Hwpt {
  readonly kind = 'nested HWPT';
  readonly domain: DriverNested;
  readonly paging: HwptPaging;
  readonly translation: Domain | undefined;
  /** The virtual IOMMU that it was made from. */
  readonly viommu: IommufdObject | undefined;

  constructor(domain: DriverNested, parent: HwptPaging, viommu: IommufdObject | undefined, pasid: boolean) {
    super(pasid);
    this.domain = domain;
    this.paging = parent;
    this.translation = domain.translation;
    this.viommu = viommu;
    (viommu ?? parent).users++;
  }

  protected release(): void {
    (this.viommu ?? this.paging).users--;
  }
}
