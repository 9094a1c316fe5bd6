/**
 * Reads and writes of a device's regions (linux-vfio.md, 5.4): the index is in the bits of the file offset from 40 on. An
 * access is taken apart into naturally aligned pieces.
 */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { LINUX_VFIO } from '../../abi/vfio.js';
import type { Bar } from '../../pci/bar.js';
import { splitOffset } from '../../pci/region-offset.js';
import { readRom } from '../../pci/rom.js';
import type { OpenDevice } from './open-device.js';
import { msixTable } from './region-info.js';

const {
  VFIO_PCI_CONFIG_REGION_INDEX: CONFIG,
  VFIO_PCI_ROM_REGION_INDEX: ROM,
  VFIO_PCI_NUM_REGIONS: REGIONS,
} = LINUX_VFIO;

interface Place {
  readonly bar: Bar;
  readonly offset: number;
  readonly count: number;
}

/** Finds the BAR of an access and cuts it at the BAR's end. @throws EINVAL, EIO */
function place(device: OpenDevice, index: number, offset: bigint, count: number): Place {
  const bar = device.function.bar(index);
  if (!bar) throw new Errno('EINVAL', `region ${index} of the device is empty`);
  if (offset >= bar.size)
    throw new Errno('EINVAL', `${hex(offset)} is outside the ${bar.size} bytes of region ${index}`);
  if (bar.kind !== 'io' && !device.memoryEnabled) {
    throw new Errno('EIO', `memory decode of the device is off, or it sleeps: BAR ${index} does not answer`);
  }
  return { bar, offset: Number(offset), count: Math.min(count, bar.size - Number(offset)) };
}

/** A device may limit the widths of its registers. @throws EINVAL */
function checkWidth(bar: Bar, offset: number, count: number): void {
  const widths = bar.widthsAt(offset);
  if (widths && (!widths.some((width) => width === count) || offset % count !== 0)) {
    const all = widths.join(' or ');
    throw new Errno('EINVAL', `registers are accessed by aligned ${all} bytes, not ${count} bytes at ${hex(offset)}`);
  }
}

/** The parts of [offset, offset+count) outside the MSI-X table, which the kernel keeps for itself. */
function outsideTable(device: OpenDevice, { bar, offset, count }: Place): { from: number; to: number }[] {
  const table = msixTable(device.function);
  const end = offset + count;
  if (!table || table.bar !== bar.index || table.start >= end || table.end <= offset)
    return [{ from: offset, to: end }];
  const parts = [
    { from: offset, to: Math.min(end, table.start) },
    { from: Math.max(offset, table.end), to: end },
  ];
  return parts.filter(({ from, to }) => from < to);
}

/** Reads the ROM; its virtual enable bit is not looked at. @throws EINVAL, EIO */
function readRomRegion(device: OpenDevice, into: Uint8Array, offset: bigint): number {
  const { rom } = device.function.model;
  if (!rom || offset >= rom.size) throw new Errno('EINVAL', `${hex(offset)} is outside the ROM of the device`);
  if (!device.memoryEnabled)
    throw new Errno('EIO', 'memory decode of the device is off, or it sleeps: its ROM is silent');
  const bytes = into.subarray(0, rom.size - Number(offset));
  readRom(rom, Number(offset), bytes);
  return bytes.length;
}

/** Reads a region. Returns bytes. @throws EINVAL, EFAULT, EIO */
export function readRegion(device: OpenDevice, into: Uint8Array, position: bigint): number {
  const { index, offset } = splitOffset(position);
  if (into.length === 0) return 0;
  if (index >= REGIONS) throw new Errno('EINVAL', `the device has no region ${index}`);
  if (index === CONFIG) {
    device.config.read(offset, into);
    return into.length;
  }
  if (index === ROM) return readRomRegion(device, into, offset);
  if (index > ROM) throw new Errno('EINVAL', `region ${index} of the device is empty`);
  const found = place(device, index, offset, into.length);
  checkWidth(found.bar, found.offset, into.length);
  const bytes = into.subarray(0, found.count);
  bytes.fill(0xff);
  for (const { from, to } of outsideTable(device, found)) {
    found.bar.read(from, bytes.subarray(from - found.offset, to - found.offset));
  }
  return found.count;
}

/** Writes a region. Returns bytes. @throws EINVAL, EFAULT, EIO */
export function writeRegion(device: OpenDevice, from: Uint8Array, position: bigint): number {
  const { index, offset } = splitOffset(position);
  if (from.length === 0) return 0;
  if (index >= REGIONS) throw new Errno('EINVAL', `the device has no region ${index}`);
  if (index === CONFIG) {
    device.writeConfig(offset, from);
    return from.length;
  }
  if (index >= ROM) throw new Errno('EINVAL', `region ${index} of the device cannot be written`);
  const found = place(device, index, offset, from.length);
  checkWidth(found.bar, found.offset, from.length);
  for (const part of outsideTable(device, found)) {
    found.bar.write(part.from, from.subarray(part.from - found.offset, part.to - found.offset));
  }
  return found.count;
}
