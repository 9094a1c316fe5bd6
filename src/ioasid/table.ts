/** The ioctls of /dev/ioasid: number, struct and handler (uapi-ioasid.md, section 2). */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { O } from '../abi/fcntl.js';
import { ALLOC, DIRTY, DMA_MAP, EXTENSIONS, FAULT, INVALIDATE } from '../abi/ioasid/constants.js';
import { IOASID_IOCTLS as IOCTL } from '../abi/ioasid/ioctls.js';
import { ARGSZ } from '../kernel/file/convention.js';
import { IoctlTable, Rows } from '../kernel/file/ioctl.js';
import { OpenFile } from '../kernel/file/open-file.js';
import { RECORD_STREAM_TABLE } from '../kernel/file/record-stream.js';
import type { IoasidContext } from './context.js';
import { DEVICE_INFO_OUT, getDeviceInfo, getInfo, INFO_OUT, SNOOP_CHOICE } from './info.js';
import { dirtyTracking, getDirtyBitmap } from './space/dirty.js';
import { mapDma, refuseUserTable, removeMappings, unmapDma } from './space/mapping.js';
import { bindPasidTable, bindPgtable, invalidateCache, unbindTable } from './space/user-tables.js';

/** Everything is served; what the hardware of a device can do is in IOASID_DEVICE_GET_INFO. */
const SUPPORTED: ReadonlySet<bigint> = new Set(Object.values(EXTENSIONS).map(BigInt));

/** An IOASID that was given by value: the whole 64-bit argument counts. @throws ENOENT */
function spaceByValue(context: IoasidContext, argument: bigint) {
  if (argument > 0xffff_ffffn) throw new Errno('ENOENT', `IOASID ${argument} does not exist in this context`);
  return context.space(Number(argument));
}

const rows = new Rows<IoasidContext>(ARGSZ);

export const IOASID_TABLE = new IoctlTable<IoasidContext>('/dev/ioasid', [
  rows.value(IOCTL.CHECK_EXTENSION, (_context, extension) => (SUPPORTED.has(extension) ? 1 : 0)),
  rows.struct(IOCTL.REGISTER_MEMORY, {
    flags: 0,
    run: ({ registered }, { vaddr, size }, { mm }) => {
      registered.register(mm, vaddr, size);
      return 0;
    },
  }),
  rows.struct(IOCTL.UNREGISTER_MEMORY, {
    flags: 0,
    run: ({ registered }, { vaddr, size }, { mm }) => {
      registered.unregister(mm, vaddr, size);
      return 0;
    },
  }),
  rows.struct(IOCTL.ALLOC, {
    optional: true,
    flags: SNOOP_CHOICE | ALLOC.IOASID_ALLOC_ACCOUNTING_ROOT,
    run: (context, { flags }) => {
      if ((flags & SNOOP_CHOICE) === SNOOP_CHOICE) {
        throw new Errno('EINVAL', 'ENFORCE_SNOOP and NO_ENFORCE_SNOOP exclude each other');
      }
      return context.alloc(flags).id;
    },
  }),
  rows.value(IOCTL.FREE, (context, id) => {
    context.free(spaceByValue(context, id));
    return 0;
  }),
  rows.struct(IOCTL.GET_INFO, { through: 'parent', flags: INFO_OUT, out: true, run: getInfo }),
  rows.struct(IOCTL.MAP_DMA, {
    flags: DMA_MAP.IOASID_DMA_MAP_READ | DMA_MAP.IOASID_DMA_MAP_WRITE,
    run: (context, args, { mm }) => {
      const space = context.space(args.ioasid);
      mapDma(space, mm, context.registered, args.flags, args.vaddr, args.iova, args.size);
      return 0;
    },
  }),
  rows.struct(IOCTL.UNMAP_DMA, {
    flags: DMA_MAP.IOASID_DMA_UNMAP_ALL,
    probe: true,
    run: (context, args) => {
      const space = context.space(args.ioasid);
      const { iova, size } = args;
      if (args.flags & DMA_MAP.IOASID_DMA_UNMAP_ALL) {
        space.usable();
        refuseUserTable(space);
        if (iova !== 0n || size !== 0n) {
          throw new Errno('EINVAL', `UNMAP_ALL takes no range: iova ${hex(iova)}, size ${hex(size)}`);
        }
        args.size = removeMappings(space, context.registered, 0, Number.POSITIVE_INFINITY);
      } else {
        args.size = unmapDma(space, context.registered, iova, size);
      }
      return 0;
    },
  }),
  rows.value(IOCTL.CREATE_NESTING, (context, id) => {
    const parent = spaceByValue(context, id);
    parent.checkNesting();
    return context.alloc(0, parent).id;
  }),
  rows.value(IOCTL.EXECUTE_WBINVD, (context) => {
    context.requireFlushRight();
    context.host.caches.flush();
    return 0;
  }),
  rows.struct(IOCTL.DEVICE_GET_INFO, { through: 'cookie', flags: DEVICE_INFO_OUT, out: true, run: getDeviceInfo }),
  rows.struct(IOCTL.BIND_PGTABLE, { flags: 0, run: bindPgtable }),
  rows.value(IOCTL.UNBIND_PGTABLE, (context, id) => unbindTable(spaceByValue(context, id), false)),
  rows.struct(IOCTL.BIND_PASID_TABLE, { flags: 0, run: bindPasidTable }),
  rows.value(IOCTL.UNBIND_PASID_TABLE, (context, id) => unbindTable(spaceByValue(context, id), true)),
  rows.struct(IOCTL.INVALIDATE_CACHE, {
    flags: INVALIDATE.IOASID_INVALIDATE_DEVICE | INVALIDATE.IOASID_INVALIDATE_PASID,
    run: invalidateCache,
  }),
  rows.struct(IOCTL.FAULT_FD, {
    flags: O.CLOEXEC | O.NONBLOCK,
    run: (context, args, caller) => {
      const { flags } = args;
      const space = context.space(args.ioasid);
      space.usable();
      if (space.faults) throw new Errno('EBUSY', `IOASID ${space.id} has a fault fd already`);
      const faults = context.openFaults(space);
      const fd = caller.install(new OpenFile(faults.stream, RECORD_STREAM_TABLE), flags);
      space.faults = faults;
      return fd;
    },
  }),
  rows.struct(IOCTL.PAGE_RESPONSE, {
    flags: FAULT.IOASID_FAULT_PASID,
    run: (context, args) => {
      const space = context.space(args.ioasid);
      space.usable();
      const { code, grpid, cookie } = args;
      if (code > FAULT.IOASID_PAGE_RESP_FAILURE) throw new Errno('EINVAL', `response code ${code} does not exist`);
      const pasid = args.flags & FAULT.IOASID_FAULT_PASID ? args.pasid : undefined;
      if (!space.faults) throw new Errno('ENOENT', `nothing is pending on IOASID ${space.id}`);
      space.faults.respond(grpid, cookie, pasid, code);
      return 0;
    },
  }),
  rows.struct(IOCTL.DIRTY_TRACKING, {
    flags: DIRTY.IOASID_DIRTY_TRACKING_START | DIRTY.IOASID_DIRTY_TRACKING_STOP,
    run: dirtyTracking,
  }),
  rows.struct(IOCTL.GET_DIRTY_BITMAP, { flags: DIRTY.IOASID_DIRTY_BITMAP_NO_CLEAR, run: getDirtyBitmap }),
  rows.value(IOCTL.EVENT_FD, (context, flags, caller) => {
    const unknown = flags & ~BigInt(O.CLOEXEC | O.NONBLOCK);
    if (unknown !== 0n) throw new Errno('EINVAL', `unknown flag ${hex(unknown)}`);
    return caller.install(new OpenFile(context.events.open(), RECORD_STREAM_TABLE), Number(flags));
  }),
]);
