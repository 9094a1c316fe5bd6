/** IOMMU_HWPT_ALLOC, IOMMU_HWPT_INVALIDATE and IOMMU_FAULT_QUEUE_ALLOC (linux-iommufd.md, 8, 9 and 11). */
import { PAGE_SIZE } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import type { Invalidated, UserArray } from '../../iommu/driver.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import { OpenFile } from '../../kernel/file/open-file.js';
import type { IommufdContext } from '../context.js';
import { IommufdDevice } from '../device/device.js';
import { FAULT_FILE, FaultQueue } from '../queues/fault-queue.js';
import { userArray, userData } from '../user-data.js';
import { Viommu } from '../viommu/viommu.js';
import { allocateHwpt } from './allocate.js';
import { HwptNested } from './hwpt.js';

/** Most entries of one invalidation. */
const MAX_ENTRIES = 1 << 19;

/** @throws ENOENT, EINVAL no table or virtual IOMMU of user space's; EOPNOTSUPP */
function invalidate(context: IommufdContext, id: number, array: UserArray): Invalidated {
  const target = context.objects.find(id);
  if (!target) throw new Errno('ENOENT', `there is no object ${id}`);
  if (target instanceof HwptNested) return target.domain.invalidate(array);
  if (!(target instanceof Viommu))
    throw new Errno('EINVAL', `object ${id} is a ${target.kind}, nothing of it is cached for user space`);
  if (!target.driver.invalidate) throw new Errno('EOPNOTSUPP', `viommu ${id} takes no invalidations`);
  return target.driver.invalidate(array);
}

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

export const HWPT_ROWS: readonly IoctlRow<IommufdContext>[] = [
  rows.struct(IOCTL.HWPT_ALLOC, {
    through: '__reserved',
    reserved: ['__reserved'],
    out: true,
    run(context, args, { mm }) {
      const { objects } = context;
      const { flags, data_type, data_len } = args;
      if ((data_type === IOMMUFD.IOMMU_HWPT_DATA_NONE) !== (data_len === 0)) {
        throw new Errno('EINVAL', `data type ${data_type} with ${data_len} bytes`);
      }
      const device = objects.get(args.dev_id, IommufdDevice);
      const data = userData(mm, data_type, args.data_uptr, data_len);
      const hwpt = allocateHwpt(context, device, args.pt_id, flags, data);
      try {
        if (flags & IOMMUFD.IOMMU_HWPT_FAULT_ID_VALID) hwpt.useFaults(objects.get(args.fault_id, FaultQueue));
      } catch (error) {
        objects.abort(hwpt);
        throw error;
      }
      args.out_hwpt_id = objects.finalize(hwpt).id;
      return 0;
    },
    undo: (context, args) => context.destroy(args.out_hwpt_id),
  }),
  rows.struct(IOCTL.HWPT_INVALIDATE, {
    out: true,
    outOnError: () => true,
    run(context, args, { mm }) {
      const { hwpt_id, data_uptr, data_type, entry_len, entry_num } = args;
      args.entry_num = 0;
      if (args.__reserved !== 0)
        throw new Errno('EOPNOTSUPP', 'iommu_hwpt_invalidate.__reserved must be zero, and is not');
      if (entry_num > 0 && (data_uptr === 0n || entry_len === 0 || entry_len > PAGE_SIZE || entry_num > MAX_ENTRIES)) {
        throw new Errno('EINVAL', `${entry_num} entries of ${entry_len} bytes`);
      }
      const { done, error } = invalidate(context, hwpt_id, userArray(mm, data_type, data_uptr, entry_len, entry_num));
      args.entry_num = done;
      if (error) throw error;
      return 0;
    },
  }),
  rows.struct(IOCTL.FAULT_QUEUE_ALLOC, {
    flags: 0,
    out: true,
    run(context, args, caller) {
      const queue = context.objects.reserve(new FaultQueue());
      queue.users = 1;
      const file = new OpenFile({ queue, keeper: context.get() }, FAULT_FILE);
      try {
        args.out_fault_fd = caller.install(file, O.CLOEXEC);
      } catch (error) {
        context.objects.abort(queue);
        throw error;
      }
      args.out_fault_id = context.objects.finalize(queue).id;
      return 0;
    },
  }),
];
