/** The ioctls of /dev/ioasid: number, struct and handler (uapi-ioasid.md, section 2). */
import { ALLOC, DIRTY, DMA_MAP, EXTENSIONS, FAULT, INVALIDATE } from '../abi/constants.js';
import { IOASID_IOCTLS as IOCTL } from '../abi/ioctls.js';
import { O } from '../abi/linux-constants.js';
import {
  ioasid_alloc,
  ioasid_dma_map,
  ioasid_dma_unmap,
  ioasid_fault_fd,
  ioasid_memory,
  ioasid_page_response,
} from '../abi/structs.js';
import { Errno, hex } from '../kernel/errno.js';
import { IoctlTable } from '../kernel/ioctl.js';
import { OpenFile } from '../kernel/open-file.js';
import type { IoasidContext } from './context.js';
import { dirtyTracking, getDirtyBitmap } from './dirty.js';
import { Faults } from './faults.js';
import { DEVICE_INFO_OUT, getDeviceInfo, getInfo, INFO_OUT, SNOOP_CHOICE } from './info.js';
import { mapDma, refuseUserTable, removeMappings, unmapDma } from './mapping.js';
import { bindPasidTable, bindPgtable, invalidateCache, unbindTable } from './user-tables.js';

/** Everything is served; what the hardware of a device can do is in IOASID_DEVICE_GET_INFO. */
const SUPPORTED: ReadonlySet<bigint> = new Set(Object.values(EXTENSIONS).map(BigInt));

/** An IOASID that was given by value: the whole 64-bit argument counts. @throws ENOENT */
function spaceByValue(context: IoasidContext, argument: bigint) {
  if (argument > 0xffff_ffffn) throw new Errno('ENOENT', `IOASID ${argument} does not exist in this context`);
  return context.space(Number(argument));
}

export const IOASID_TABLE = new IoctlTable<IoasidContext>('/dev/ioasid', [
  {
    ioctl: IOCTL.CHECK_EXTENSION,
    run: (_context, _caller, _args, extension) => (SUPPORTED.has(extension) ? 1 : 0),
  },
  {
    ioctl: IOCTL.REGISTER_MEMORY,
    flags: 0,
    run: ({ registered }, { mm }, args) => {
      registered.register(mm, ioasid_memory.get.vaddr(args), ioasid_memory.get.size(args));
      return 0;
    },
  },
  {
    ioctl: IOCTL.UNREGISTER_MEMORY,
    flags: 0,
    run: ({ registered }, { mm }, args) => {
      registered.unregister(mm, ioasid_memory.get.vaddr(args), ioasid_memory.get.size(args));
      return 0;
    },
  },
  {
    ioctl: IOCTL.ALLOC,
    optional: true,
    flags: SNOOP_CHOICE | ALLOC.IOASID_ALLOC_ACCOUNTING_ROOT,
    run: (context, _caller, args) => {
      const flags = ioasid_alloc.get.flags(args);
      if ((flags & SNOOP_CHOICE) === SNOOP_CHOICE) {
        throw new Errno('EINVAL', 'ENFORCE_SNOOP and NO_ENFORCE_SNOOP exclude each other');
      }
      return context.alloc(flags).id;
    },
  },
  {
    ioctl: IOCTL.FREE,
    run: (context, _caller, _args, id) => {
      context.free(spaceByValue(context, id));
      return 0;
    },
  },
  { ioctl: IOCTL.GET_INFO, min: 16, flags: INFO_OUT, out: true, run: getInfo },
  {
    ioctl: IOCTL.MAP_DMA,
    flags: DMA_MAP.IOASID_DMA_MAP_READ | DMA_MAP.IOASID_DMA_MAP_WRITE,
    run: (context, { mm }, args) => {
      const { get } = ioasid_dma_map;
      const space = context.space(get.ioasid(args));
      mapDma(space, mm, context.registered, get.flags(args), get.vaddr(args), get.iova(args), get.size(args));
      return 0;
    },
  },
  {
    ioctl: IOCTL.UNMAP_DMA,
    flags: DMA_MAP.IOASID_DMA_UNMAP_ALL,
    probe: true,
    run: (context, _caller, args) => {
      const { get, set } = ioasid_dma_unmap;
      const space = context.space(get.ioasid(args));
      const iova = get.iova(args);
      const size = get.size(args);
      if (get.flags(args) & DMA_MAP.IOASID_DMA_UNMAP_ALL) {
        space.usable();
        refuseUserTable(space);
        if (iova !== 0n || size !== 0n) {
          throw new Errno('EINVAL', `UNMAP_ALL takes no range: iova ${hex(iova)}, size ${hex(size)}`);
        }
        set.size(args, removeMappings(space, context.registered, 0, Number.POSITIVE_INFINITY));
      } else {
        set.size(args, unmapDma(space, context.registered, iova, size));
      }
      return 0;
    },
  },
  {
    ioctl: IOCTL.CREATE_NESTING,
    run: (context, _caller, _args, id) => {
      const parent = spaceByValue(context, id);
      const { constraints } = parent;
      if (constraints) {
        const levels = Math.max(constraints.hardwareNesting, constraints.softwareNesting);
        if (levels === 0) throw new Errno('EOPNOTSUPP', `an IOMMU behind IOASID ${parent.id} supports no nesting`);
        if (parent.depth + 1 > levels) {
          throw new Errno('EINVAL', `IOASID ${parent.id} is nested ${parent.depth} deep; its IOMMUs nest ${levels}`);
        }
      }
      return context.alloc(0, parent).id;
    },
  },
  {
    ioctl: IOCTL.EXECUTE_WBINVD,
    run: (context) => {
      context.requireFlushRight();
      context.host.caches.flush();
      return 0;
    },
  },
  { ioctl: IOCTL.DEVICE_GET_INFO, min: 16, flags: DEVICE_INFO_OUT, out: true, run: getDeviceInfo },
  { ioctl: IOCTL.BIND_PGTABLE, flags: 0, run: (context, _caller, args) => bindPgtable(context, args) },
  { ioctl: IOCTL.UNBIND_PGTABLE, run: (context, _caller, _args, id) => unbindTable(spaceByValue(context, id), false) },
  { ioctl: IOCTL.BIND_PASID_TABLE, flags: 0, run: (context, _caller, args) => bindPasidTable(context, args) },
  {
    ioctl: IOCTL.UNBIND_PASID_TABLE,
    run: (context, _caller, _args, id) => unbindTable(spaceByValue(context, id), true),
  },
  {
    ioctl: IOCTL.INVALIDATE_CACHE,
    flags: INVALIDATE.IOASID_INVALIDATE_DEVICE | INVALIDATE.IOASID_INVALIDATE_PASID,
    run: (context, _caller, args) => invalidateCache(context, args),
  },
  {
    ioctl: IOCTL.FAULT_FD,
    flags: O.CLOEXEC | O.NONBLOCK,
    run: (context, caller, args) => {
      const flags = ioasid_fault_fd.get.flags(args);
      const space = context.space(ioasid_fault_fd.get.ioasid(args));
      space.usable();
      if (space.faults) throw new Errno('EBUSY', `IOASID ${space.id} has a fault fd already`);
      const faults = new Faults(context, space);
      const fd = caller.install(new OpenFile(faults.stream), flags);
      space.faults = faults;
      return fd;
    },
  },
  {
    ioctl: IOCTL.PAGE_RESPONSE,
    flags: FAULT.IOASID_FAULT_PASID,
    run: (context, _caller, args) => {
      const { get } = ioasid_page_response;
      const space = context.space(get.ioasid(args));
      space.usable();
      const [code, grpid, cookie] = [get.code(args), get.grpid(args), get.cookie(args)];
      if (code > FAULT.IOASID_PAGE_RESP_FAILURE) throw new Errno('EINVAL', `response code ${code} does not exist`);
      const pasid = get.flags(args) & FAULT.IOASID_FAULT_PASID ? get.pasid(args) : undefined;
      if (!space.faults) throw new Errno('ENOENT', `nothing is pending on IOASID ${space.id}`);
      space.faults.respond(grpid, cookie, pasid, code);
      return 0;
    },
  },
  {
    ioctl: IOCTL.DIRTY_TRACKING,
    flags: DIRTY.IOASID_DIRTY_TRACKING_START | DIRTY.IOASID_DIRTY_TRACKING_STOP,
    run: (context, _caller, args) => dirtyTracking(context, args),
  },
  {
    ioctl: IOCTL.GET_DIRTY_BITMAP,
    flags: DIRTY.IOASID_DIRTY_BITMAP_NO_CLEAR,
    run: (context, { mm }, args) => getDirtyBitmap(context, mm, args),
  },
  {
    ioctl: IOCTL.EVENT_FD,
    run: (context, caller, _args, flags) => {
      const unknown = flags & ~BigInt(O.CLOEXEC | O.NONBLOCK);
      if (unknown !== 0n) throw new Errno('EINVAL', `unknown flag ${hex(unknown)}`);
      return caller.install(new OpenFile(context.events.open()), Number(flags));
    },
  },
]);
