/**
 * The guest's PASIDs (uapi-ioasid.md, 4): the translation that ENQCMD makes, from the guest's number to the one on the
 * wire. It holds for as long as the attachment that it was made from.
 */
import { Errno } from '../abi/errno.js';
import type { IoasidContext } from '../ioasid/context.js';

interface Translation {
  readonly context: IoasidContext;
  readonly ioasid: number;
}

export class GuestPasids {
  readonly #translations = new Map<number, Translation>();

  /** KVM_MAP_PASID. @throws ENOENT no such IOASID, or no ENQCMD device attached by this PASID; EEXIST */
  map(context: IoasidContext, pasid: number, ioasid: number): void {
    context.space(ioasid);
    if (this.#translations.has(pasid))
      throw new Errno('EEXIST', `PASID ${pasid} of the guest has a translation already`);
    if (this.#wire({ context, ioasid }, pasid) === undefined) {
      throw new Errno('ENOENT', `no device that takes ENQCMD is attached to IOASID ${ioasid} by PASID ${pasid}`);
    }
    this.#translations.set(pasid, { context, ioasid });
  }

  /** KVM_UNMAP_PASID. @throws ENOENT */
  unmap(context: IoasidContext, pasid: number, ioasid: number): void {
    const found = this.#translations.get(pasid);
    if (!found || found.context !== context || found.ioasid !== ioasid) {
      throw new Errno('ENOENT', `PASID ${pasid} of the guest has no translation to IOASID ${ioasid}`);
    }
    this.#translations.delete(pasid);
  }

  /** What ENQCMD does with a guest's PASID; undefined: a general-protection fault. */
  translate(pasid: number): { context: IoasidContext; wire: number } | undefined {
    const found = this.#translations.get(pasid);
    if (!found) return undefined;
    const wire = this.#wire(found, pasid);
    return wire === undefined ? undefined : { context: found.context, wire };
  }

  #wire({ context, ioasid }: Translation, pasid: number): number | undefined {
    for (const { requester, pasidSpaces } of context.devices()) {
      if (requester.capabilities.enqcmd && pasidSpaces.get(pasid)?.id === ioasid) return requester.wire.get(pasid);
    }
    return undefined;
  }
}
