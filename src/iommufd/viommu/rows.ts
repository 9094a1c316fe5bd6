/** IOMMU_VIOMMU_ALLOC, VDEVICE_ALLOC, VEVENTQ_ALLOC and HW_QUEUE_ALLOC (linux-iommufd.md, 12). */
import { hex, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { O } from '../../abi/fcntl.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import type { DriverQueue } from '../../iommu/driver.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import { OpenFile } from '../../kernel/file/open-file.js';
import type { IommufdContext } from '../context.js';
import { IommufdDevice } from '../device/device.js';
import { HwptPaging } from '../hwpt/hwpt.js';
import { MAX_DEPTH, VEVENT_FILE, VeventQueue } from '../queues/vevent-queue.js';
import { userData } from '../user-data.js';
import { HwQueue } from './hw-queue.js';
import { Vdevice, Viommu } from './viommu.js';

/** Queue objects by what drivers call them. */
const hwQueues = new Map<DriverQueue, HwQueue>();

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

export const VIOMMU_ROWS: readonly IoctlRow<IommufdContext>[] = [
  rows.struct(IOCTL.VIOMMU_ALLOC, {
    through: 'out_viommu_id',
    flags: 0,
    reserved: [],
    out: true,
    run(context, args, { mm }) {
      const { objects } = context;
      const { type, data_len, data_uptr } = args;
      if (type === IOMMUFD.IOMMU_VIOMMU_TYPE_DEFAULT) throw new Errno('EOPNOTSUPP', 'a viommu needs a type');
      const { device } = objects.get(args.dev_id, IommufdDevice);
      if (!device.driver.hasViommu?.(device, type)) {
        throw new Errno('EOPNOTSUPP', `the IOMMU of ${device.name} offers no viommu of type ${hex(type)}`);
      }
      const parent = objects.get(args.hwpt_id, HwptPaging);
      if (!parent.nestParent) throw new Errno('EINVAL', `HWPT ${parent.id} was not made for nesting`);
      const viommu = objects.reserve(new Viommu(context, parent, device));
      try {
        viommu.start(device, userData(mm, type, data_uptr, data_len));
      } catch (error) {
        objects.abort(viommu);
        throw error;
      }
      args.out_viommu_id = objects.finalize(viommu).id;
      return 0;
    },
    undo: (context, args) => context.destroy(args.out_viommu_id),
  }),
  rows.struct(IOCTL.VDEVICE_ALLOC, {
    out: true,
    run({ objects }, args) {
      const viommu = objects.get(args.viommu_id, Viommu);
      const device = objects.get(args.dev_id, IommufdDevice);
      if (viommu.iommu !== device.device.iommu) {
        throw new Errno('EINVAL', `${device.device.name} is behind another IOMMU than viommu ${viommu.id}`);
      }
      if (device.leaving) throw new Errno('ENOENT', `${device.device.name} is being unbound`);
      if (device.vdevice) throw new Errno('EEXIST', `${device.device.name} is vdevice ${device.vdevice.id}`);
      if (viommu.vdevices.has(args.virt_id)) {
        throw new Errno('EEXIST', `viommu ${viommu.id} has a device ${hex(args.virt_id)}`);
      }
      args.out_vdevice_id = objects.finalize(objects.reserve(new Vdevice(viommu, device, args.virt_id))).id;
      return 0;
    },
    undo: (context, args) => context.destroy(args.out_vdevice_id),
  }),
  rows.struct(IOCTL.VEVENTQ_ALLOC, {
    through: 'out_veventq_fd',
    flags: 0,
    reserved: ['__reserved'],
    out: true,
    run(context, args, caller) {
      const { objects } = context;
      const { type, veventq_depth: depth } = args;
      if (type === IOMMUFD.IOMMU_VEVENTQ_TYPE_DEFAULT) throw new Errno('EOPNOTSUPP', 'an event queue needs a type');
      if (depth === 0 || depth > MAX_DEPTH) throw new Errno('EINVAL', `a depth of ${depth}; it is 1 to ${MAX_DEPTH}`);
      const viommu = objects.get(args.viommu_id, Viommu);
      if (viommu.queues.has(type)) throw new Errno('EEXIST', `viommu ${viommu.id} has a queue of type ${hex(type)}`);
      const queue = objects.reserve(new VeventQueue(type, viommu, depth, () => viommu.queues.delete(type)));
      queue.users = 1;
      viommu.queues.set(type, queue);
      const file = new OpenFile({ queue, keeper: context.get() }, VEVENT_FILE);
      try {
        args.out_veventq_fd = caller.install(file, O.CLOEXEC);
      } catch (error) {
        objects.abort(queue);
        throw error;
      }
      args.out_veventq_id = objects.finalize(queue).id;
      return 0;
    },
  }),
  rows.struct(IOCTL.HW_QUEUE_ALLOC, {
    flags: 0,
    out: true,
    run({ objects }, args) {
      const { type, length, nesting_parent_iova: iova } = args;
      if (type === IOMMUFD.IOMMU_HW_QUEUE_TYPE_DEFAULT) throw new Errno('EOPNOTSUPP', 'a hardware queue needs a type');
      if (length === 0n) throw new Errno('EINVAL', 'length is 0');
      if (iova + length - 1n > U64_MAX) throw new Errno('EOVERFLOW', `${hex(iova)}+${hex(length)} wraps`);
      const viommu = objects.get(args.viommu_id, Viommu);
      if (!viommu.driver.hasQueue?.(type)) {
        throw new Errno('EOPNOTSUPP', `viommu ${viommu.id} has no queues of type ${hex(type)}`);
      }
      const queue = objects.reserve(new HwQueue(viommu, iova, length, hwQueues));
      try {
        queue.start(args.index);
      } catch (error) {
        objects.abort(queue);
        throw error;
      }
      args.out_hw_queue_id = objects.finalize(queue).id;
      return 0;
    },
    undo: (context, args) => context.destroy(args.out_hw_queue_id),
  }),
];
