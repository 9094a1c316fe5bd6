/**
 * Regions of an assigned PCI device, as vfio-pci lays them out: the index is in the bits of the file offset from 40 on
 * (Linux: VFIO_PCI_OFFSET_SHIFT).
 */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { LINUX_VFIO } from '../abi/vfio.js';
import type { Bar } from '../pci/bar.js';
import type { PciFunction } from '../pci/function.js';
import { splitOffset } from '../pci/region-offset.js';

export interface Region {
  readonly index: number;
  /** Bytes; 0: not implemented. */
  readonly size: number;
  /** VFIO_REGION_INFO_FLAG_*. */
  readonly flags: number;
}

const READ_WRITE = LINUX_VFIO.VFIO_REGION_INFO_FLAG_READ | LINUX_VFIO.VFIO_REGION_INFO_FLAG_WRITE;

/** @throws EINVAL no region has this index; the VGA region exists on display devices only */
export function region(device: PciFunction, index: number): Region {
  if (index >= LINUX_VFIO.VFIO_PCI_NUM_REGIONS - 1) throw new Errno('EINVAL', `the device has no region ${index}`);
  if (index === LINUX_VFIO.VFIO_PCI_CONFIG_REGION_INDEX) return { index, size: device.config.size, flags: READ_WRITE };
  const bar = device.bar(index);
  if (!bar) return { index, size: 0, flags: 0 };
  const mappable = bar.mappable.length > 0 ? LINUX_VFIO.VFIO_REGION_INFO_FLAG_MMAP : 0;
  return { index, size: bar.size, flags: READ_WRITE | mappable };
}

interface Place {
  readonly index: number;
  readonly offset: number;
  readonly count: number;
}

/** Finds the region of an access and cuts it at the region's end, as vfio-pci does for BARs. */
function place(device: PciFunction, position: bigint, count: number): Place {
  const { index, offset } = splitOffset(position);
  const { size } = region(device, index);
  if (index === LINUX_VFIO.VFIO_PCI_CONFIG_REGION_INDEX) {
    if (offset + BigInt(count) > size) {
      throw new Errno('EFAULT', `${hex(offset)}+${count} is outside the ${size} bytes of configuration space`);
    }
    return { index, offset: Number(offset), count };
  }
  if (offset >= size) throw new Errno('EINVAL', `${hex(offset)} is outside the ${size} bytes of region ${index}`);
  return { index, offset: Number(offset), count: Math.min(count, size - Number(offset)) };
}

/** A device may limit the widths of its registers. @throws EINVAL */
function checkWidth(bar: Bar, offset: number, count: number): void {
  const widths = bar.widthsAt(offset);
  if (widths && (!widths.some((width) => width === count) || offset % count !== 0)) {
    const all = widths.join(' or ');
    throw new Errno('EINVAL', `registers are accessed by aligned ${all} bytes, not ${count} bytes at ${hex(offset)}`);
  }
}

/** Reads a region. Returns bytes. @throws EINVAL, EFAULT */
export function readRegion(device: PciFunction, into: Uint8Array, position: bigint): number {
  const { index, offset, count } = place(device, position, into.length);
  const bar = device.bar(index);
  if (!bar) device.config.read(offset, into);
  else if (count > 0) {
    checkWidth(bar, offset, into.length);
    bar.read(offset, into.subarray(0, count));
  }
  return count;
}

/** Writes a region. Returns bytes. @throws EINVAL, EFAULT */
export function writeRegion(device: PciFunction, from: Uint8Array, position: bigint): number {
  const { index, offset, count } = place(device, position, from.length);
  const bar = device.bar(index);
  if (!bar) device.writeConfig(offset, from);
  else if (count > 0) {
    checkWidth(bar, offset, from.length);
    bar.write(offset, from.subarray(0, count));
  }
  return count;
}
