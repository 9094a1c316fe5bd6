/** IOMMU_GET_HW_INFO (linux-iommufd.md, 13): what the IOMMU of a device can, in its driver's own words. */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD_IOCTLS as IOCTL, IOMMUFD } from '../../abi/iommufd.js';
import type { DriverDevice } from '../../iommu/driver.js';
import { IOMMUFD_SIZE } from '../../kernel/file/convention.js';
import { type IoctlRow, Rows } from '../../kernel/file/ioctl.js';
import type { Mm } from '../../memory/mm.js';
import type { IommufdContext } from '../context.js';
import { IommufdDevice } from '../device/device.js';

/** Zeroes that are written in one piece. */
const ZEROES = new Uint8Array(4096);

function capabilities(device: DriverDevice): bigint {
  return BigInt(
    (device.dirtyTracking ? IOMMUFD.IOMMU_HW_CAP_DIRTY_TRACKING : 0) |
      (device.pasidExec ? IOMMUFD.IOMMU_HW_CAP_PCI_PASID_EXEC : 0) |
      (device.pasidPriv ? IOMMUFD.IOMMU_HW_CAP_PCI_PASID_PRIV : 0) |
      (device.ats ? 0 : IOMMUFD.IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED),
  );
}

/** Writes the data, and zeroes up to the length that the program gave. @throws EFAULT */
function copyData(mm: Mm, address: bigint, length: number, data: Uint8Array): void {
  const copied = Math.min(length, data.length);
  if (copied > 0) mm.copyOut(address, data.subarray(0, copied));
  for (let at = copied; at < length; at += ZEROES.length) {
    mm.copyOut(address + BigInt(at), ZEROES.subarray(0, Math.min(ZEROES.length, length - at)));
  }
}

export const HW_INFO_ROW: IoctlRow<IommufdContext> = new Rows<IommufdContext>(IOMMUFD_SIZE).struct(IOCTL.GET_HW_INFO, {
  through: '__reserved',
  flags: IOMMUFD.IOMMU_HW_INFO_FLAG_INPUT_TYPE,
  reserved: ['__reserved'],
  out: true,
  run(context, args, { mm }) {
    const wanted =
      args.flags & IOMMUFD.IOMMU_HW_INFO_FLAG_INPUT_TYPE ? args.data_type : IOMMUFD.IOMMU_HW_INFO_TYPE_DEFAULT;
    const { device } = context.objects.get(args.dev_id, IommufdDevice);
    const { driver } = device;
    const info = driver.hwInfo?.(device, wanted) ?? { type: IOMMUFD.IOMMU_HW_INFO_TYPE_NONE, bytes: new Uint8Array(0) };
    if (args.data_len > 0xffff_0000) throw new Errno('EFAULT', `no buffer has ${args.data_len} bytes`);
    copyData(mm, args.data_uptr, args.data_len, info.bytes);
    args.data_type = info.type;
    args.data_len = info.bytes.length;
    args.out_capabilities = capabilities(device);
    args.out_max_pasid_log2 = device.maxPasids > 0 ? 31 - Math.clz32(device.maxPasids) : 0;
    return 0;
  },
});
