/**
 * What KVM asks of files, and never of their class: proof of access (authority.md), and the queues that a guest's ENQCMD
 * reaches.
 */
import type { Authority, FileRecord } from '../authority/authority.js';
import { Facet } from './file/facet.js';

/** A file that a VM is shown, to be allowed what its holder is allowed. */
export interface Proof {
  /** Which of kvm-vfio's attribute groups takes it: KVM_DEV_IOASID or KVM_DEV_VFIO_FILE. */
  readonly kind: 'ioasid' | 'vfio';
  /** What a person calls it. */
  readonly label: string;
  /** The keeper's record of the file. */
  record(authority: Authority): FileRecord;
  /** A VM gave it back. */
  returned(authority: Authority, record: FileRecord): void;
}

export const PROOF = new Facet<Proof>('proof');

/** The shared work queues of the devices that an IOASID context has bound (uapi-ioasid.md, 3.4 and 4). */
export interface WorkQueues {
  /**
   * The PASID on the wire of an attachment whose device takes ENQCMD; undefined: there is none.
   * @throws ENOENT no such IOASID
   */
  wire(pasid: number, ioasid: number): number | undefined;
  /**
   * ENQCMD to a device's portal. @param cookie the device
   * @returns false: the queue is full
   * @throws ENOENT no such device; EOPNOTSUPP it takes no ENQCMD; ENODEV it is gone
   */
  enqueue(cookie: bigint, wire: number): boolean;
}

export const WORK_QUEUES = new Facet<WorkQueues>('work queues');
