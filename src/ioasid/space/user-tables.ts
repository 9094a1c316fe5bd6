/** BIND_PGTABLE, BIND_PASID_TABLE, their opposites, and INVALIDATE_CACHE (uapi-ioasid.md, 2.2). */
import { hex, isPageAligned, last, lastWraps, PAGE_SHIFT, PAGE_SIZE, pageOf } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { INVALIDATE } from '../../abi/ioasid/constants.js';
import type { ioasid_bind_pasid_table, ioasid_bind_pgtable, ioasid_invalidate } from '../../abi/ioasid/structs.js';
import type { Fields } from '../../abi/layout.js';
import { UserTable } from '../../iommu/first-level/user-table.js';
import { allocation } from '../../memory/allocation.js';
import type { IoasidContext } from '../context.js';
import type { AddressSpace } from './address-space.js';

/** Levels and widths by format (IOASID_PGTABLE_*). */
const FORMATS = [
  { levels: 4, width: 48 },
  { levels: 5, width: 57 },
] as const;

/** The format of a table for this address space. @throws EINVAL, EOPNOTSUPP */
function format(space: AddressSpace, number: number, address: bigint) {
  const constraints = space.usable();
  if (!space.parent) throw new Errno('EINVAL', `IOASID ${space.id} is a root: tables are bound to a child`);
  if (space.userTable) throw new Errno('EBUSY', `IOASID ${space.id} has a table bound already`);
  const found = FORMATS[number];
  if (!found) throw new Errno('EINVAL', `table format ${number} does not exist`);
  if (((constraints.tableFormats >> BigInt(number)) & 1n) === 0n) {
    if (constraints.hardwareNesting === 0)
      throw new Errno('EOPNOTSUPP', `an IOMMU behind IOASID ${space.id} has no hardware nesting`);
    throw new Errno('EINVAL', `no IOMMU behind IOASID ${space.id} knows table format ${number}`);
  }
  if (space.mappings.map.count > 0) throw new Errno('EBUSY', `IOASID ${space.id} has mappings`);
  if (!isPageAligned(address))
    throw new Errno('EINVAL', `table address ${hex(address)} is not a multiple of ${PAGE_SIZE}`);
  return found;
}

export function bindPgtable(context: IoasidContext, args: Fields<typeof ioasid_bind_pgtable>): number {
  const space = context.space(args.ioasid);
  const address = args.addr;
  const { levels, width } = format(space, args.format, address);
  const addressWidth = args.addr_width;
  if (addressWidth <= PAGE_SHIFT || addressWidth > width) {
    throw new Errno('EINVAL', `addr_width ${addressWidth}: a ${levels}-level table translates 13 to ${width} bits`);
  }
  allocation('a user table');
  space.userTable = new UserTable(parentOf(space), { address, levels, addressWidth, pasidBits: undefined });
  return 0;
}

export function bindPasidTable(context: IoasidContext, args: Fields<typeof ioasid_bind_pasid_table>): number {
  const space = context.space(args.ioasid);
  const address = args.addr;
  const { levels, width } = format(space, args.format, address);
  const pasidBits = args.pasid_bits;
  const most = Math.min(
    ...space.attachments.map((a) => (a.device.requester.capabilities.pasid ? a.device.requester.unit.pasidBits : 0)),
  );
  if (most === 0) throw new Errno('EOPNOTSUPP', `a device attached to IOASID ${space.id} has no PASID capability`);
  if (pasidBits === 0 || pasidBits > most)
    throw new Errno('EINVAL', `pasid_bits ${pasidBits}: 1 to ${most} are possible`);
  allocation('a user table');
  space.userTable = new UserTable(parentOf(space), { address, levels, addressWidth: width, pasidBits });
  return 0;
}

function parentOf(space: AddressSpace): AddressSpace {
  if (!space.parent) throw new Error('a root has no parent');
  return space.parent;
}

/** @param pasidTable which kind of table the command is for. @throws EINVAL nothing of that kind is bound */
export function unbindTable(space: AddressSpace, pasidTable: boolean): number {
  space.usable();
  if (!space.userTable || space.wholePasidSpace !== pasidTable) {
    throw new Errno('EINVAL', `IOASID ${space.id} has no ${pasidTable ? 'PASID' : 'page'} table bound`);
  }
  space.userTable = undefined;
  return 0;
}

export function invalidateCache(context: IoasidContext, args: Fields<typeof ioasid_invalidate>): number {
  const space = context.space(args.ioasid);
  space.usable();
  const { userTable } = space;
  if (!userTable) throw new Errno('EINVAL', `IOASID ${space.id} has no table bound: there is nothing to invalidate`);
  const { flags } = args;
  if (flags & INVALIDATE.IOASID_INVALIDATE_PASID && !space.wholePasidSpace) {
    throw new Errno('EINVAL', `a PASID is given, and IOASID ${space.id} has no PASID table`);
  }
  const { granularity } = args;
  if (granularity > INVALIDATE.IOASID_INVALIDATE_RANGE)
    throw new Errno('EINVAL', `granularity ${granularity} does not exist`);
  let who: ReturnType<IoasidContext['deviceByCookie']>['requester'] | undefined;
  if (flags & INVALIDATE.IOASID_INVALIDATE_DEVICE) {
    const device = context.deviceByCookie(args.cookie);
    if (!space.attachments.some((a) => a.device === device)) {
      throw new Errno('ENOENT', `device ${hex(args.cookie)} is not attached to IOASID ${space.id}`);
    }
    who = device.requester;
  }
  const pasid = flags & INVALIDATE.IOASID_INVALIDATE_PASID ? args.pasid : undefined;
  if (granularity === INVALIDATE.IOASID_INVALIDATE_ALL) {
    userTable.invalidate(who, pasid);
    return 0;
  }
  const { iova } = args;
  const { size } = args;
  if (size === 0n || !isPageAligned(iova) || !isPageAligned(size)) {
    throw new Errno('EINVAL', `range ${hex(iova)}+${hex(size)} is not whole pages`);
  }
  if (lastWraps(iova, size)) throw new Errno('EOVERFLOW', `iova ${hex(iova)} + size ${hex(size)} wraps`);
  userTable.invalidate(who, pasid, { first: pageOf(iova), last: pageOf(last(iova, size)) });
  return 0;
}
