/** Attachments by PASID (uapi-ioasid.md, 3.2 and 3.4): the user's numbers, and the kernel's for mediated devices. */
import { Errno } from '../abi/errno.js';
import type { PasidEntry } from '../iommu/pasid-table.js';
import type { Requester } from '../iommu/requester.js';
import type { AddressSpace } from './address-space.js';
import type { BoundDevice } from './bound-device.js';

/** Numbers that a context's mediated devices share, by the user's number, where their parents take ENQCMD. */
export type SharedPasids = Map<number, { wire: number; users: number }>;

/** Can the device have this PASID at all? @throws EOPNOTSUPP, EINVAL */
export function checkPasid({ capabilities, unit, name }: Requester, pasid: number): void {
  if (!capabilities.pasid || unit.pasidBits === 0) throw new Errno('EOPNOTSUPP', `${name} has no PASID capability`);
  if (pasid >= 2 ** unit.pasidBits) throw new Errno('EINVAL', `PASID ${pasid} needs more than ${unit.pasidBits} bits`);
}

/**
 * Attaches a device to an address space by PASID.
 * @throws EINVAL no default attachment yet; EEXIST the PASID is in use; ENOSPC no number is left
 */
export function attachPasid(
  device: BoundDevice,
  space: AddressSpace,
  pasid: number,
  noSnoopUnused: boolean,
  shared: SharedPasids,
): void {
  const { requester } = device;
  const { name, table } = requester;
  if (!device.inUse) throw new Errno('EINVAL', `${name} needs a default attachment before PASID ${pasid}`);
  if (space.accountingRoot)
    throw new Errno('EINVAL', `IOASID ${space.id} is an accounting root: no device attaches to it`);
  if (device.pasidSpaces.has(pasid)) throw new Errno('EEXIST', `PASID ${pasid} of ${name} is in use`);
  const { parent } = space;
  if (parent && !parent.accountingRoot && !parent.attachments.some((a) => a.device === device)) {
    throw new Errno('EINVAL', `${name} must be attached to IOASID ${parent.id} before its child ${space.id}`);
  }
  space.checkUnit(requester.unit);
  const wire = takeNumber(requester, pasid, shared);
  const entry = table.entries.get(wire);
  if (entry && entry.domain !== space) {
    giveNumber(requester, pasid, wire, shared);
    throw new Errno('EEXIST', `PASID ${pasid} of ${name} is in use for another IOASID by a device of the same parent`);
  }
  if (entry) entry.requesters.add(requester);
  else table.entries.set(wire, { domain: space, user: pasid, requesters: new Set([requester]) });
  requester.wire.set(pasid, wire);
  device.pasidSpaces.set(pasid, space);
  space.attachments.push({ device, pasid, noSnoopUnused });
  space.refresh();
}

/** Detaches a PASID. @throws ENOENT it is not attached there */
export function detachPasid(device: BoundDevice, space: AddressSpace, pasid: number, shared: SharedPasids): void {
  const { requester } = device;
  const attachment = space.attachment(device, pasid);
  if (!attachment)
    throw new Errno('ENOENT', `PASID ${pasid} of ${requester.name} is not attached to IOASID ${space.id}`);
  const wire = requester.wire.get(pasid) ?? pasid;
  const entry: PasidEntry | undefined = requester.table.entries.get(wire);
  entry?.requesters.delete(requester);
  if (entry?.requesters.size === 0) requester.table.entries.delete(wire);
  giveNumber(requester, pasid, wire, shared);
  requester.wire.delete(pasid);
  device.pasidSpaces.delete(pasid);
  space.attachments.splice(space.attachments.indexOf(attachment), 1);
  space.userTable?.forget(requester);
  space.refresh();
}

/** The number on the wire for a user's PASID. @throws ENOSPC no number is left */
function takeNumber({ table: { pool }, capabilities }: Requester, pasid: number, shared: SharedPasids): number {
  if (!pool) return pasid;
  const known = capabilities.enqcmd ? shared.get(pasid) : undefined;
  if (known) {
    known.users++;
    return known.wire;
  }
  const number = pool.allocate();
  if (number === undefined) throw new Errno('ENOSPC', 'no PASID is left');
  if (capabilities.enqcmd) shared.set(pasid, { wire: number, users: 1 });
  return number;
}

function giveNumber(requester: Requester, pasid: number, wire: number, shared: SharedPasids): void {
  const { pool } = requester.table;
  if (!pool) return;
  const known = requester.capabilities.enqcmd ? shared.get(pasid) : undefined;
  if (known && --known.users > 0) return;
  shared.delete(pasid);
  pool.free(wire);
}
