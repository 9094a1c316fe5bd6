/** The ioctls of /dev/iommu: number, struct, rules and handler (linux-iommufd.md, 2). VFIO's are served below them. */
import { IOMMUFD_IOCTLS as IOCTL } from '../abi/iommufd.js';
import { IOMMUFD_SIZE } from '../kernel/file/convention.js';
import { type IoctlRow, IoctlTable, Rows } from '../kernel/file/ioctl.js';
import { COMPAT_ROW } from './compat/vfio.js';
import type { IommufdContext } from './context.js';
import { DIRTY_ROWS } from './hwpt/dirty.js';
import { HW_INFO_ROW } from './hwpt/hw-info.js';
import { HWPT_ROWS } from './hwpt/rows.js';
import { MAP_ROWS } from './ioas/map.js';
import { OPTION_ROWS } from './ioas/options.js';
import { RANGE_ROWS } from './ioas/ranges.js';
import { TEST_ROW } from './selftest/table.js';
import { VIOMMU_ROWS } from './viommu/rows.js';

const rows = new Rows<IommufdContext>(IOMMUFD_SIZE);

const DESTROY_ROW: IoctlRow<IommufdContext> = rows.struct(IOCTL.DESTROY, {
  run(context, args) {
    context.destroy(args.id);
    return 0;
  },
});

const ROWS = [
  DESTROY_ROW,
  ...RANGE_ROWS,
  ...MAP_ROWS,
  ...OPTION_ROWS,
  COMPAT_ROW,
  ...HWPT_ROWS,
  HW_INFO_ROW,
  ...DIRTY_ROWS,
  ...VIOMMU_ROWS,
];

/** A kernel as it is built for use. */
export const IOMMUFD_TABLE = new IoctlTable<IommufdContext>('/dev/iommu', ROWS);

/** A kernel that is built with its own tests. */
export const IOMMUFD_SELFTEST_TABLE = new IoctlTable<IommufdContext>('/dev/iommu', [...ROWS, TEST_ROW]);
