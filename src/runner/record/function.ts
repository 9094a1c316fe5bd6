/** A PCI function of a host as a machine file describes it: its identity, BARs, capabilities and driver. */
import type { Host } from './host.js';

/** The keys of a device in a machine file, without its unit and group. */
export type DeviceKeys = Readonly<Record<string, unknown>>;

const STATUS = 0x06;
const STATUS_CAPABILITIES = 0x10;
const CAPABILITIES = 0x34;
const INTERRUPT_PIN = 0x3d;
/** Capabilities, and extended ones (PCI Code and ID Assignment Specification). */
const [MSI, EXPRESS, MSIX] = [0x05, 0x10, 0x11];
const [EXTENDED_PRI, EXTENDED_PASID] = [0x13, 0x1b];
const EXTENDED = 0x100;
/** Flags of a resource (include/linux/ioport.h). */
const [IO, MEMORY, PREFETCH, WIDE] = [0x100n, 0x200n, 0x2000n, 0x100000n];
/** Largest BAR that a machine file takes, bytes. */
const MOST = 2 ** 30;
const BARS = 6;

/** Where the capabilities of a configuration space are; behind the first 64 bytes only root may read. */
function capabilities(config: DataView): Map<number, number> {
  const found = new Map<number, number>();
  if (config.byteLength < 64 || (config.getUint16(STATUS, true) & STATUS_CAPABILITIES) === 0) return found;
  let at = config.getUint8(CAPABILITIES) & 0xfc;
  for (let i = 0; i < 48 && at >= 0x40 && at + 4 <= config.byteLength; i++) {
    found.set(config.getUint8(at), at);
    at = config.getUint8(at + 1) & 0xfc;
  }
  return found;
}

function extendedCapabilities(config: DataView): Set<number> {
  const found = new Set<number>();
  let at = EXTENDED;
  for (let i = 0; i < 960 && at >= EXTENDED && at + 4 <= config.byteLength; i++) {
    const header = config.getUint32(at, true);
    if (header === 0 || header === 0xffffffff) break;
    found.add(header & 0xffff);
    at = (header >>> 20) & 0xffc;
  }
  return found;
}

interface Bar {
  readonly index: number;
  readonly kind: 'io' | 'memory32' | 'memory64';
  readonly size: number;
  readonly prefetchable?: true;
}

function bars(host: Host, path: string): Bar[] {
  const lines = host.text(`${path}/resource`)?.split('\n').slice(0, BARS) ?? [];
  return lines.flatMap((line, index): Bar[] => {
    const [start = 0n, last = 0n, flags = 0n] = line.trim().split(/\s+/).map(BigInt);
    const size = Number(last - start + 1n);
    if (last === 0n || !Number.isInteger(Math.log2(size))) return [];
    if (flags & IO) return size >= 16 && size <= 256 ? [{ index, kind: 'io', size }] : [];
    if (!(flags & MEMORY) || size < 4096) return [];
    const kind = flags & WIDE ? 'memory64' : 'memory32';
    return [{ index, kind, size: Math.min(size, MOST), ...(flags & PREFETCH ? { prefetchable: true } : {}) }];
  });
}

function interrupts(config: DataView, found: Map<number, number>) {
  const [msi, msix] = [found.get(MSI), found.get(MSIX)];
  return {
    intx: config.byteLength > INTERRUPT_PIN && config.getUint8(INTERRUPT_PIN) !== 0,
    msi: msi === undefined ? 0 : 1 << ((config.getUint16(msi + 2, true) >> 1) & 7),
    msix: msix === undefined ? 0 : (config.getUint16(msix + 2, true) & 0x7ff) + 1,
  };
}

/** Devices that exist as models, by vendor, device and class. */
function modelOf(vendor: number, device: number, kind: number): string {
  const id = ((vendor << 16) | device) >>> 0;
  if (id === 0x8086_2021) return 'ioat';
  if (id === 0x1d0a_0a51) return 'dma-engine';
  if (id === 0x1234_11e8) return 'edu';
  return kind === 0x010802 ? 'nvme' : 'memory';
}

/** Kinds of devices whose drivers turn snooping off: display controllers and audio (class, without its interface). */
const NO_SNOOP = new Set([0x0300, 0x0302, 0x0380, 0x0403]);

/**
 * @param identifying serial numbers, too
 * @returns undefined for what is no device: bridges, and virtual functions, which their physical function makes
 */
export function recordFunction(host: Host, address: string, identifying: boolean): DeviceKeys | undefined {
  const path = `bus/pci/devices/${address}`;
  const [vendor, device, kind] = ['vendor', 'device', 'class'].map((file) => host.number(`${path}/${file}`) ?? 0) as [
    number,
    number,
    number,
  ];
  if (kind >>> 16 === 0x06 || host.link(`${path}/physfn`) !== undefined) return undefined;
  const bytes = host.bytes(`${path}/config`) ?? new Uint8Array();
  const config = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = capabilities(config);
  const extended = extendedCapabilities(config);
  const model = modelOf(vendor, device, kind);
  const vfs = host.number(`${path}/sriov_totalvfs`) ?? 0;
  const [disk] = host.list(`${path}/nvme`);
  const serial = identifying && disk ? host.text(`${path}/nvme/${disk}/serial`) : undefined;
  const driver = host.link(`${path}/driver`);
  return {
    function: address,
    model,
    ...(model !== 'dma-engine' && { bus: found.has(EXPRESS) ? 'pcie' : 'pci', interrupts: interrupts(config, found) }),
    ...(model !== 'dma-engine' &&
      found.has(EXPRESS) &&
      vfs > 0 &&
      address.endsWith('.0') && { sriov: { vfs: Math.min(vfs, 7) } }),
    ...(NO_SNOOP.has(kind >>> 8) && { 'no-snoop': true }),
    ...(extended.has(EXTENDED_PASID) && { pasid: true }),
    ...(extended.has(EXTENDED_PRI) && { pri: true }),
    ...(serial !== undefined && serial !== '' && { nvme: { serial: serial.slice(0, 20) } }),
    ...(model === 'memory' && { memory: { vendor, device, class: kind, bars: bars(host, path) } }),
    ...(driver !== undefined &&
      driver !== 'vfio-pci' && { 'host-driver': driver.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '-') }),
  };
}
