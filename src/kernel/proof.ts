/**
 * Proof: a file that a VM is shown, to be allowed what its holder is allowed (authority.md). KVM asks every file for
 * this facet, and never for its class.
 */
import type { Authority, FileRecord } from '../authority/authority.js';
import { Facet } from './facet.js';

export interface Proof {
  /** Which of kvm-vfio's attribute groups takes it: KVM_DEV_IOASID or KVM_DEV_VFIO_FILE. */
  readonly kind: 'ioasid' | 'vfio';
  /** The keeper's record of the file. */
  record(authority: Authority): FileRecord;
  /** A VM gave it back. */
  returned(authority: Authority, record: FileRecord): void;
}

export const PROOF = new Facet<Proof>('proof');
