/** VFIO_DEVICE_GET_REGION_INFO: what each region of a device is, with its capabilities (linux-vfio.md, 5.2). */
import { PAGE_SIZE } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import {
  LINUX_VFIO,
  vfio_info_cap_header,
  vfio_region_info_cap_sparse_mmap,
  vfio_region_sparse_mmap_area,
} from '../../abi/vfio.js';
import type { Bar } from '../../pci/bar.js';
import { CAPABILITY, MSIX } from '../../pci/config/standard-capabilities.js';
import type { PciFunction } from '../../pci/function.js';
import { type InfoCapability, infoCapability } from '../info-capability.js';

export interface Region {
  readonly index: number;
  /** Bytes; 0: not implemented. */
  readonly size: number;
  /** VFIO_REGION_INFO_FLAG_*, without CAPS. */
  readonly flags: number;
  readonly capabilities: readonly InfoCapability[];
}

const READ_WRITE = LINUX_VFIO.VFIO_REGION_INFO_FLAG_READ | LINUX_VFIO.VFIO_REGION_INFO_FLAG_WRITE;
const { VFIO_REGION_INFO_FLAG_MMAP: MMAP, VFIO_PCI_CONFIG_REGION_INDEX: CONFIG } = LINUX_VFIO;
const { VFIO_PCI_ROM_REGION_INDEX: ROM } = LINUX_VFIO;
/** The VGA region: on display devices only, and this machine has none. */
const VGA = 8;

/** @throws EINVAL no region has this index */
export function region(pci: PciFunction, index: number): Region {
  if (index >= VGA) throw new Errno('EINVAL', `the device has no region ${index}`);
  if (index === CONFIG) return { index, size: pci.config.size, flags: READ_WRITE, capabilities: [] };
  if (index === ROM) {
    const size = pci.model.rom?.size ?? 0;
    return { index, size, flags: size > 0 ? LINUX_VFIO.VFIO_REGION_INFO_FLAG_READ : 0, capabilities: [] };
  }
  const bar = pci.bar(index);
  if (!bar) return { index, size: 0, flags: 0, capabilities: [] };
  if (!canMap(bar)) return { index, size: bar.size, flags: READ_WRITE, capabilities: [] };
  return { index, size: bar.size, flags: READ_WRITE | MMAP, capabilities: mapCapabilities(pci, bar) };
}

/** A memory BAR is mapped in pages; a smaller one has its page for itself. */
function canMap(bar: Bar): boolean {
  return bar.kind !== 'io' && bar.mappable.length > 0;
}

function mapCapabilities(pci: PciFunction, bar: Bar): InfoCapability[] {
  const areas = bar.mappable.filter(({ offset, size }) => offset % PAGE_SIZE === 0 && size % PAGE_SIZE === 0);
  const [first] = areas;
  const whole = first?.offset === 0 && first.size === bar.size;
  if (!whole && bar.size >= PAGE_SIZE) return [sparse(areas)];
  if (msixTable(pci)?.bar !== bar.index) return [];
  return [infoCapability(LINUX_VFIO.VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, 1, vfio_info_cap_header)];
}

/** Only these parts of the region can be mapped. */
function sparse(areas: Bar['mappable']): InfoCapability {
  const head = vfio_region_info_cap_sparse_mmap;
  const area = vfio_region_sparse_mmap_area;
  const bytes = new Uint8Array(head.size + areas.length * area.size);
  const view = new DataView(bytes.buffer);
  head.set.nr_areas(view, areas.length);
  for (const [i, { offset, size }] of areas.entries()) {
    area.set.offset(view, BigInt(offset), head.size + i * area.size);
    area.set.size(view, BigInt(size), head.size + i * area.size);
  }
  return { id: LINUX_VFIO.VFIO_REGION_INFO_CAP_SPARSE_MMAP, version: 1, bytes };
}

/** Where the MSI-X table is; undefined: the function has none. Bytes. */
export function msixTable(pci: PciFunction): { bar: number; start: number; end: number } | undefined {
  const at = pci.config.find(CAPABILITY.MSIX);
  if (at === undefined) return undefined;
  const place = pci.config.get32(at + MSIX.TABLE);
  const start = place & ~7;
  return { bar: place & 7, start, end: start + pci.interrupts.msixVectors * 16 };
}
