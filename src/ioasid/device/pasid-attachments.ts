/** Attachments by PASID (uapi-ioasid.md, 3.2 and 3.4). */
import { Errno } from '../../abi/errno.js';
import * as dma from '../../iommu/attach.js';
import type { Requester } from '../../iommu/requester.js';
import { allocation } from '../../memory/allocation.js';
import type { AddressSpace } from '../space/address-space.js';
import type { AttachedDevice } from '../space/attachment.js';

/** A device whose PASIDs are attached. */
export interface PasidDevice extends AttachedDevice {
  /** The default address space in use. */
  readonly inUse: AddressSpace | undefined;
  /** Address spaces of its PASIDs. */
  readonly pasidSpaces: Map<number, AddressSpace>;
}

/** Can the device have this PASID at all? @throws EOPNOTSUPP, EINVAL */
export function checkPasid({ capabilities, unit, name }: Requester, pasid: number): void {
  if (!capabilities.pasid || unit.pasidBits === 0) throw new Errno('EOPNOTSUPP', `${name} has no PASID capability`);
  if (pasid >= 2 ** unit.pasidBits) throw new Errno('EINVAL', `PASID ${pasid} needs more than ${unit.pasidBits} bits`);
}

/**
 * Attaches a device to an address space by PASID.
 * @throws EINVAL no default attachment yet; EEXIST the PASID is in use; ENOSPC no number is left
 */
export function attachPasid(device: PasidDevice, space: AddressSpace, pasid: number, noSnoopUnused: boolean): void {
  const { requester } = device;
  const { name } = requester;
  if (!device.inUse) throw new Errno('EINVAL', `${name} needs a default attachment before PASID ${pasid}`);
  if (space.accountingRoot)
    throw new Errno('EINVAL', `IOASID ${space.id} is an accounting root: no device attaches to it`);
  if (device.pasidSpaces.has(pasid)) throw new Errno('EEXIST', `PASID ${pasid} of ${name} is in use`);
  const { parent } = space;
  if (parent && !parent.accountingRoot && !parent.attachments.some((a) => a.device === device)) {
    throw new Errno('EINVAL', `${name} must be attached to IOASID ${parent.id} before its child ${space.id}`);
  }
  space.checkUnit(requester.unit);
  allocation('an attachment');
  dma.attach(requester, pasid, space.route);
  device.pasidSpaces.set(pasid, space);
  space.attachments.push({ device, pasid, noSnoopUnused });
  space.refresh();
}

/** Detaches a PASID; the pages that it waits for are not given. @throws ENOENT it is not attached there */
export function detachPasid(device: PasidDevice, space: AddressSpace, pasid: number): void {
  const { requester } = device;
  const attachment = space.attachment(device, pasid);
  if (!attachment)
    throw new Errno('ENOENT', `PASID ${pasid} of ${requester.name} is not attached to IOASID ${space.id}`);
  dma.detach(requester, pasid);
  device.pasidSpaces.delete(pasid);
  space.attachments.splice(space.attachments.indexOf(attachment), 1);
  space.userTable?.forget(requester);
  space.refresh();
  space.faults?.abort(requester, pasid);
}
