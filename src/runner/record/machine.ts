/**
 * A host as a machine file: its IOMMU units, groups and PCI functions, as far as /sys tells them to this user. Nothing that
 * identifies the host is in it, unless asked for: no serial numbers, no addresses of network cards.
 */
import { stringify } from 'yaml';
import { type DeviceKeys, recordFunction } from './function.js';
import { Host } from './host.js';
import { type Reserved, recordUnit } from './unit.js';

export interface RecordOptions {
  /** Serial numbers, too. */
  readonly identifying?: boolean;
}

/** A name as machine files take it. */
const named = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replace(/^(?![a-z])/, 'unit-');

/** The unit and the group of a device; undefined: it is behind no IOMMU. */
function behind(host: Host, address: string): { unit: string; group: number } | undefined {
  const [unit, group] = ['iommu', 'iommu_group'].map((link) => host.link(`bus/pci/devices/${address}/${link}`));
  return unit === undefined || group === undefined ? undefined : { unit, group: Number(group) };
}

/** Ranges that are reserved in a group for interrupts, or for good; those of a direct mapping are the firmware's. */
function reservedOf(host: Host, group: number): Reserved {
  const lines = host.text(`kernel/iommu_groups/${group}/reserved_regions`)?.split('\n') ?? [];
  return lines.flatMap((line) => {
    const [start, last, kind] = line.split(' ');
    if (kind !== 'msi' && kind !== 'reserved') return [];
    const range = { start: Number(start), last: Number(last) };
    return range.last <= 2 ** 52 ? [range] : [];
  });
}

/** @throws Error there is nothing to record */
export function recordMachine({ identifying = false }: RecordOptions = {}, host = new Host()): string {
  const units: Record<string, unknown> = {};
  const devices: Record<string, DeviceKeys> = {};
  const [taken, numbers] = [new Set<string>(), new Map<string, number>()];
  const all = host.list('bus/pci/devices').flatMap((address) => {
    const [place, keys] = [behind(host, address), recordFunction(host, address, identifying)];
    const [name] = host.list(`bus/pci/devices/${address}/vfio-dev`);
    if (name !== undefined) taken.add(name);
    return place && keys ? [{ address, place, keys, name }] : [];
  });
  // In the order of the host's own numbers.
  for (const name of host.list('class/iommu')) {
    const first = all.find(({ place }) => place.unit === name);
    if (first) units[named(name)] = recordUnit(host, name, reservedOf(host, first.place.group));
  }
  let free = 0;
  for (const { place, keys, name } of all) {
    const driver = keys['host-driver'];
    let label = name;
    if (label === undefined && typeof driver === 'string') {
      const number = numbers.get(driver) ?? 0;
      numbers.set(driver, number + 1);
      label = `${named(driver)}${number}`;
    }
    while (label === undefined || (name === undefined && taken.has(label))) label = `vfio${free++}`;
    taken.add(label);
    const pasid = Number((units[named(place.unit)] as { 'pasid-bits'?: number })['pasid-bits'] ?? 0) > 0;
    const { function: at, pasid: wants, ...rest } = keys;
    devices[label] = {
      function: at,
      iommu: named(place.unit),
      group: place.group,
      ...rest,
      ...(wants === true && pasid && { pasid: true }),
    };
  }
  if (all.length === 0)
    throw new Error(
      `this host shows no PCI function behind an IOMMU: it has none, or it is off (intel_iommu=on, iommu.passthrough=0)`,
    );
  const header =
    '# A machine of ioasid, recorded from a host. What its drivers do not tell is as with most such hosts.\n\n';
  return header + stringify({ iommus: units, devices }, { flowCollectionPadding: true, lineWidth: 120 });
}
