/** IOASID_GET_INFO and IOASID_DEVICE_GET_INFO (uapi-ioasid.md, section 2). */
import { ALLOC, DEVICE_INFO, INFO } from '../abi/ioasid/constants.js';
import { ioasid_device_info, ioasid_info, ioasid_range } from '../abi/ioasid/structs.js';
import type { Fields } from '../abi/layout.js';
import type { Caller } from '../kernel/file/open-file.js';
import type { IoasidContext } from './context.js';
import type { AddressSpace } from './space/address-space.js';

/** Bits that only come out; a caller may leave the last answer in the struct. */
export const INFO_OUT = sum(INFO);
export const DEVICE_INFO_OUT = sum(DEVICE_INFO);

function sum(flags: Readonly<Record<string, number>>): number {
  return Object.values(flags).reduce((all, flag) => all | flag, 0);
}

function infoFlags(space: AddressSpace): number {
  let flags = 0;
  if (space.attachments.length > 0) flags |= INFO.IOASID_INFO_ATTACHED;
  if (space.enforceSnoop) flags |= INFO.IOASID_INFO_ENFORCE_SNOOP;
  if (space.nonCoherent) flags |= INFO.IOASID_INFO_NONCOHERENT;
  if (space.attachments.length > 0 && space.constraints?.hardwareNesting) flags |= INFO.IOASID_INFO_NESTING_HW;
  if (space.attachments.length > 0 && space.constraints?.softwareNesting) flags |= INFO.IOASID_INFO_NESTING_SW;
  if (space.userTable) flags |= space.wholePasidSpace ? INFO.IOASID_INFO_PASID_TABLE : INFO.IOASID_INFO_USER_PGTABLE;
  if (space.mappings.dirty) flags |= INFO.IOASID_INFO_DIRTY_TRACKING;
  if (space.faults) flags |= INFO.IOASID_INFO_PAGE_FAULT;
  return flags;
}

export function getInfo(context: IoasidContext, args: Fields<typeof ioasid_info>, caller: Caller): number {
  const space = context.space(args.ioasid);
  // What devices decide is zero without one, in an accounting root too.
  const constraints = space.attachments.length > 0 ? space.constraints : undefined;
  const ranges = constraints?.ranges ?? [];
  const pointer = args.ranges;
  const room = Math.min(args.nr_ranges, ranges.length);
  if (pointer !== 0n && room > 0) caller.mm.copyOut(pointer, packRanges(ranges.slice(0, room)));
  args.argsz = Math.max(args.argsz, ioasid_info.size);
  args.flags = infoFlags(space);
  args.parent = space.parent?.id ?? 0;
  args.pgsizes = constraints?.pageSizes ?? 0n;
  args.pgtable_formats = constraints?.tableFormats ?? 0n;
  args.addr_width = constraints?.addressWidth ?? 0;
  args.nr_devices = devicesOf(space);
  args.nr_children = space.children.size;
  args.nr_ranges = ranges.length;
  return 0;
}

/** A device that is attached by several PASIDs counts once. */
function devicesOf({ attachments }: AddressSpace): number {
  return attachments.length < 2 ? attachments.length : new Set(attachments.map(({ device }) => device)).size;
}

function packRanges(ranges: readonly { start: bigint; last: bigint }[]): Uint8Array {
  const bytes = new Uint8Array(ranges.length * ioasid_range.size);
  const view = new DataView(bytes.buffer);
  ranges.forEach(({ start, last }, i) => {
    ioasid_range.set.start(view, start, i * ioasid_range.size);
    ioasid_range.set.last(view, last, i * ioasid_range.size);
  });
  return bytes;
}

export function getDeviceInfo(context: IoasidContext, args: Fields<typeof ioasid_device_info>): number {
  const { requester } = context.deviceByCookie(args.cookie);
  const { unit, capabilities } = requester;
  let flags = 0;
  if (unit.enforcesSnoop) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_ENFORCE_SNOOP;
  if (capabilities.noSnoop) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_NO_SNOOP;
  if (unit.hardwareNesting) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_NESTING_HW;
  if (unit.softwareNesting) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_NESTING_SW;
  if (capabilities.pasid) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_PASID;
  if (capabilities.pri) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_PRI;
  if (unit.dirtyTracking) flags |= DEVICE_INFO.IOASID_DEVICE_INFO_DIRTY;
  args.argsz = Math.max(args.argsz, ioasid_device_info.size);
  args.flags = flags;
  args.pgsizes = unit.pageSizes;
  args.pgtable_formats = unit.tableFormats;
  args.addr_width = unit.addressWidth;
  args.pasid_bits = capabilities.pasid ? unit.pasidBits : 0;
  args.group = requester.group.id;
  args.iommu = unit.index;
  return 0;
}

/** Flags of IOASID_ALLOC that exclude each other. */
export const SNOOP_CHOICE = ALLOC.IOASID_ALLOC_ENFORCE_SNOOP | ALLOC.IOASID_ALLOC_NO_ENFORCE_SNOOP;
