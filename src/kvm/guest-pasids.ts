/**
 * The guest's PASIDs (uapi-ioasid.md, 4): the translation that ENQCMD makes, from the guest's number to the one on the
 * wire. It holds for as long as the attachment that it was made from.
 */
import { Errno } from '../abi/errno.js';
import type { WorkQueues } from '../kernel/proof.js';

interface Translation {
  readonly queues: WorkQueues;
  readonly ioasid: number;
}

export class GuestPasids {
  readonly #translations = new Map<number, Translation>();

  /** KVM_MAP_PASID. @throws ENOENT no such IOASID, or no ENQCMD device attached by this PASID; EEXIST */
  map(queues: WorkQueues, pasid: number, ioasid: number): void {
    const wire = queues.wire(pasid, ioasid);
    if (this.#translations.has(pasid))
      throw new Errno('EEXIST', `PASID ${pasid} of the guest has a translation already`);
    if (wire === undefined) {
      throw new Errno('ENOENT', `no device that takes ENQCMD is attached to IOASID ${ioasid} by PASID ${pasid}`);
    }
    this.#translations.set(pasid, { queues, ioasid });
  }

  /** KVM_UNMAP_PASID. @throws ENOENT */
  unmap(queues: WorkQueues, pasid: number, ioasid: number): void {
    const found = this.#translations.get(pasid);
    if (!found || found.queues !== queues || found.ioasid !== ioasid) {
      throw new Errno('ENOENT', `PASID ${pasid} of the guest has no translation to IOASID ${ioasid}`);
    }
    this.#translations.delete(pasid);
  }

  /** What ENQCMD does with a guest's PASID; undefined: a general-protection fault. */
  translate(pasid: number): { queues: WorkQueues; wire: number } | undefined {
    const found = this.#translations.get(pasid);
    const wire = found && wireOf(found, pasid);
    return found && wire !== undefined ? { queues: found.queues, wire } : undefined;
  }
}

/** The number now; undefined: the attachment, or its IOASID, is gone. */
function wireOf({ queues, ioasid }: Translation, pasid: number): number | undefined {
  try {
    return queues.wire(pasid, ioasid);
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}
