/**
 * Attaching, replacing and detaching (linux-iommufd.md, 7): requests of a device, without PASID or with one, are routed to a
 * hardware page table.
 */
import { Errno } from '../../abi/errno.js';
import type { DriverDevice } from '../../iommu/driver.js';
import { allocation } from '../../memory/allocation.js';
import type { IommufdContext } from '../context.js';
import { targetOf } from '../faults.js';
import { allocatePaging } from '../hwpt/allocate.js';
import { Hwpt, HwptPaging } from '../hwpt/hwpt.js';
import { Ioas } from '../ioas/ioas.js';
import type { IommufdDevice } from './device.js';
import { type Attachment, type IommufdGroup, NO_PASID, route } from './group.js';

/** Attaches a device to one table, or moves it there. */
type Connect = (device: IommufdDevice, pasid: number, hwpt: Hwpt) => void;

/**
 * Attaches a device.
 * @param id an IOAS, then an automatic table of it is found or made; or a table
 * @returns id of the table
 * @throws ENOENT, EINVAL, EBUSY attached already, EADDRINUSE, and what filling a table answers
 */
export function attach(device: IommufdDevice, pasid: number, id: number): number {
  const hwpt = resolve(device, pasid, id, connect, true);
  device.users++;
  return hwpt;
}

/** Moves an attached device to another table; see attach(). @throws EINVAL it is not attached */
export function replace(device: IommufdDevice, pasid: number, id: number): number {
  return resolve(device, pasid, id, move, false);
}

/** Detaches a device. Nothing happens if it is not attached. */
export function detach(device: IommufdDevice, pasid: number): void {
  const { group } = device;
  const attachment = group.attachments.get(pasid);
  if (!attachment?.devices.has(device)) return;
  disconnect(device, pasid, attachment);
  device.users--;
  drop(device.context, attachment.hwpt);
}

function resolve(device: IommufdDevice, pasid: number, id: number, act: Connect, attaching: boolean): number {
  const { objects } = device.context;
  const target = objects.find(id);
  if (!target) throw new Errno('ENOENT', `there is no object ${id}`);
  if (target instanceof Hwpt) {
    act(device, pasid, target);
    return id;
  }
  if (!(target instanceof Ioas))
    throw new Errno('EINVAL', `object ${id} is a ${target.kind}; only an IOAS or HWPT can be attached`);
  return automatic(device, pasid, target, act, attaching).id;
}

/** Tries the automatic tables of an IOAS in turn, then makes one. */
function automatic(device: IommufdDevice, pasid: number, ioas: Ioas, act: Connect, attaching: boolean): Hwpt {
  for (const hwpt of ioas.hwpts) {
    if (!(hwpt instanceof HwptPaging) || !hwpt.automatic) continue;
    try {
      act(device, pasid, hwpt);
      return hwpt;
    } catch (error) {
      // EINVAL: the table does not suit the device, another may.
      if (!(error instanceof Errno) || error.code !== 'EINVAL') throw error;
    }
  }
  const { objects } = device.context;
  const hwpt = allocatePaging(objects, ioas, device.device, 0, undefined, true);
  try {
    if (attaching) {
      act(device, pasid, hwpt);
      try {
        hwpt.fill();
      } catch (error) {
        const attachment = device.group.attachments.get(pasid);
        if (attachment) disconnect(device, pasid, attachment);
        hwpt.users--;
        throw error;
      }
    } else {
      hwpt.fill();
      act(device, pasid, hwpt);
    }
  } catch (error) {
    objects.abort(hwpt);
    throw error;
  }
  return objects.finalize(hwpt);
}

/** A user of a table leaves; an automatic one goes with the last. */
function drop(context: IommufdContext, hwpt: Hwpt): void {
  hwpt.users--;
  if (hwpt instanceof HwptPaging && hwpt.automatic && hwpt.users === 0) context.objects.remove(hwpt);
}

/** PASIDs, and requests beside them, need tables that were made for it. @throws EINVAL */
function checkPasid(group: IommufdGroup<IommufdDevice>, hwpt: Hwpt, pasid: number): void {
  if (pasid === NO_PASID) {
    if (!hwpt.pasid && group.anyPasid)
      throw new Errno('EINVAL', `PASIDs are attached, and HWPT ${hwpt.id} was not made for that`);
    return;
  }
  if (!hwpt.pasid) throw new Errno('EINVAL', `HWPT ${hwpt.id} was not made for PASIDs`);
  const base = group.attachments.get(NO_PASID);
  if (base && !base.hwpt.pasid)
    throw new Errno('EINVAL', `the device's own HWPT ${base.hwpt.id} was not made for PASIDs`);
}

/** @throws EINVAL the table is another driver's, or the PASID too large */
function checkDevice(device: DriverDevice, hwpt: Hwpt, pasid: number): void {
  if (hwpt.domain.driver !== device.driver)
    throw new Errno('EINVAL', `HWPT ${hwpt.id} is for another kind of IOMMU than ${device.name}'s`);
  if (pasid !== NO_PASID && device.maxPasids > 0 && pasid >= device.maxPasids) {
    throw new Errno('EINVAL', `PASID ${pasid} of ${device.name}: the limit is ${device.maxPasids}`);
  }
}

function routed(device: IommufdDevice, pasid: number): Iterable<DriverDevice> {
  return pasid === NO_PASID ? device.group.group.devices : [device.device];
}

function connect(device: IommufdDevice, pasid: number, hwpt: Hwpt): void {
  const { group } = device;
  const attachment = group.attachments.get(pasid);
  if (attachment?.devices.has(device))
    throw new Errno('EBUSY', `${device.device.name} is attached to HWPT ${attachment.hwpt.id}`);
  if (attachment && attachment.hwpt !== hwpt) {
    throw new Errno('EINVAL', `the group of ${device.device.name} is attached to HWPT ${attachment.hwpt.id}`);
  }
  if (pasid === NO_PASID) reserve(device, hwpt);
  if (attachment) attachment.devices.add(device);
  else {
    try {
      checkPasid(group, hwpt, pasid);
      checkDevice(device.device, hwpt, pasid);
      const target = targetOf(group, hwpt, pasid);
      allocation('an attachment');
      route(routed(device, pasid), pasid, target, undefined);
      group.attachments.set(pasid, { hwpt, target, devices: new Set([device]) });
    } catch (error) {
      if (pasid === NO_PASID) hwpt.paging.ioas.table.unreserve(device);
      throw error;
    }
  }
  hwpt.users++;
}

/** Takes a device off what it is attached to; the table's user count is the caller's business. */
function disconnect(device: IommufdDevice, pasid: number, attachment: Attachment<IommufdDevice>): void {
  const { hwpt, devices } = attachment;
  devices.delete(device);
  if (devices.size === 0) {
    route(routed(device, pasid), pasid, undefined, undefined);
    device.group.attachments.delete(pasid);
    hwpt.faults?.abandon(device.group, pasid);
  }
  if (pasid === NO_PASID) hwpt.paging.ioas.table.unreserve(device);
}

/** @throws EADDRINUSE */
function reserve(device: IommufdDevice, hwpt: Hwpt): void {
  const { table } = hwpt.paging.ioas;
  try {
    for (const { start, last } of device.device.reserved) table.reserve(start, last, device);
  } catch (error) {
    table.unreserve(device);
    throw error;
  }
}

function move(device: IommufdDevice, pasid: number, hwpt: Hwpt): void {
  const { group } = device;
  const attachment = group.attachments.get(pasid);
  if (!attachment?.devices.has(device)) throw new Errno('EINVAL', `${device.device.name} is not attached`);
  const { hwpt: old, devices } = attachment;
  if (hwpt === old) return;
  const [from, to] = [old.paging.ioas, hwpt.paging.ioas];
  const moves = pasid === NO_PASID && from !== to;
  const unreserve = (): void => {
    for (const each of devices) to.table.unreserve(each);
  };
  try {
    if (moves) for (const each of devices) reserve(each, hwpt);
    checkPasid(group, hwpt, pasid);
    checkDevice(device.device, hwpt, pasid);
    const target = targetOf(group, hwpt, pasid);
    route(routed(device, pasid), pasid, target, attachment.target);
    attachment.target = target;
  } catch (error) {
    if (moves) unreserve();
    throw error;
  }
  if (moves) for (const each of devices) from.table.unreserve(each);
  old.faults?.abandon(group, pasid);
  attachment.hwpt = hwpt;
  hwpt.users += devices.size;
  old.users -= devices.size - 1;
  drop(device.context, old);
}
