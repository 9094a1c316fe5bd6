/**
 * Regions of an assigned PCI device, as vfio-pci lays them out: the index is in the bits of the file offset from 40 on
 * (Linux: VFIO_PCI_OFFSET_SHIFT).
 */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { LINUX_VFIO } from '../abi/vfio.js';
import type { DeviceModel } from '../devices/model.js';
import { CONFIG_SIZE, type ConfigSpace } from './config-space.js';

const OFFSET_SHIFT = 40n;

export interface Region {
  readonly index: number;
  /** Bytes; 0: not implemented. */
  readonly size: number;
  /** VFIO_REGION_INFO_FLAG_*. */
  readonly flags: number;
}

const READ_WRITE = LINUX_VFIO.VFIO_REGION_INFO_FLAG_READ | LINUX_VFIO.VFIO_REGION_INFO_FLAG_WRITE;

/** @throws EINVAL no region has this index; the VGA region exists on display devices only */
export function region(model: DeviceModel, index: number): Region {
  if (index >= LINUX_VFIO.VFIO_PCI_NUM_REGIONS - 1) throw new Errno('EINVAL', `the device has no region ${index}`);
  if (index === LINUX_VFIO.VFIO_PCI_BAR0_REGION_INDEX) return { index, size: model.registerSize, flags: READ_WRITE };
  if (index === LINUX_VFIO.VFIO_PCI_BAR2_REGION_INDEX) {
    return { index, size: model.memory.size, flags: READ_WRITE | LINUX_VFIO.VFIO_REGION_INFO_FLAG_MMAP };
  }
  if (index === LINUX_VFIO.VFIO_PCI_CONFIG_REGION_INDEX) return { index, size: CONFIG_SIZE, flags: READ_WRITE };
  return { index, size: 0, flags: 0 };
}

/** File offset of a region's first byte. */
export function regionOffset(index: number): bigint {
  return BigInt(index) << OFFSET_SHIFT;
}

/** Takes a file offset apart: the region's index, and the offset in it. */
export function splitOffset(position: bigint): { index: number; offset: bigint } {
  return { index: Number(position >> OFFSET_SHIFT), offset: position & ((1n << OFFSET_SHIFT) - 1n) };
}

interface Place {
  readonly index: number;
  readonly offset: number;
  readonly count: number;
}

/** Finds the region of an access and cuts it at the region's end, as vfio-pci does for BARs. */
function place(model: DeviceModel, position: bigint, count: number): Place {
  const { index, offset } = splitOffset(position);
  const { size } = region(model, index);
  if (index === LINUX_VFIO.VFIO_PCI_CONFIG_REGION_INDEX) {
    if (offset + BigInt(count) > size) {
      throw new Errno('EFAULT', `${hex(offset)}+${count} is outside the ${size} bytes of configuration space`);
    }
    return { index, offset: Number(offset), count };
  }
  if (offset >= size) throw new Errno('EINVAL', `${hex(offset)} is outside the ${size} bytes of region ${index}`);
  return { index, offset: Number(offset), count: Math.min(count, size - Number(offset)) };
}

function registerSize(offset: number, count: number): 4 | 8 {
  if ((count !== 4 && count !== 8) || offset % count !== 0) {
    throw new Errno('EINVAL', `registers are accessed by aligned 4 or 8 bytes, not ${count} bytes at ${hex(offset)}`);
  }
  return count;
}

/** Reads a region. Returns bytes. @throws EINVAL, EFAULT */
export function readRegion(model: DeviceModel, config: ConfigSpace, into: Uint8Array, position: bigint): number {
  const { index, offset, count } = place(model, position, into.length);
  if (index === LINUX_VFIO.VFIO_PCI_CONFIG_REGION_INDEX) config.read(offset, into);
  else if (index === LINUX_VFIO.VFIO_PCI_BAR2_REGION_INDEX) model.memory.read(offset, into.subarray(0, count));
  else if (count > 0) {
    const size = registerSize(offset, into.length);
    const value = model.readRegister(offset, size);
    const view = new DataView(into.buffer, into.byteOffset);
    if (size === 4) view.setUint32(0, Number(value), true);
    else view.setBigUint64(0, value, true);
  }
  return count;
}

/** Writes a region. Returns bytes. @throws EINVAL, EFAULT */
export function writeRegion(model: DeviceModel, config: ConfigSpace, from: Uint8Array, position: bigint): number {
  const { index, offset, count } = place(model, position, from.length);
  if (index === LINUX_VFIO.VFIO_PCI_CONFIG_REGION_INDEX) config.write(offset, from);
  else if (index === LINUX_VFIO.VFIO_PCI_BAR2_REGION_INDEX) model.memory.write(offset, from.subarray(0, count));
  else if (count > 0) {
    const size = registerSize(offset, from.length);
    const view = new DataView(from.buffer, from.byteOffset);
    model.writeRegister(offset, size, size === 4 ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true));
  }
  return count;
}
