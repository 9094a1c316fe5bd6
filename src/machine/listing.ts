/** How the devices of a machine are reached: for `ioasid machine list`, and for who asks what a run has. */
import type { Machine, MachineDevice } from './build.js';
import type { MachineSlots } from './slots.js';

export interface ListedDevice {
  /** The name in the machine file. */
  readonly name: string;
  /** PCI address; of a mediated device that of its parent. */
  readonly address: string;
  /** The driver that it is bound to. */
  readonly driver: string | null;
  readonly iommu: string;
  readonly group: number;
  /** /dev/vfio/N of its group, if VFIO has the device. */
  readonly groupFile: string | null;
  /** Its own file, if VFIO has it. */
  readonly file: string | null;
  /** Vendor and device, hexadecimal. */
  readonly id: string;
}

/** @param nameOf the name of a device under VFIO; undefined: VFIO does not have it */
export function listDevices(
  { devices }: Machine,
  slots: MachineSlots,
  nameOf: (device: MachineDevice) => string | undefined,
): ListedDevice[] {
  return devices.map((device) => {
    const { name, requester, function: pci } = device;
    const vfio = nameOf(device);
    const hex = (value: number): string => value.toString(16).padStart(4, '0');
    return {
      name,
      address: requester.parent ?? requester.name,
      driver: slots.driverOf(device) ?? null,
      iommu: requester.unit.name,
      group: requester.group.id,
      groupFile: vfio === undefined ? null : `/dev/vfio/${requester.group.id}`,
      file: vfio === undefined ? null : `/dev/vfio/devices/${vfio}`,
      id: `${hex(pci.identity.vendor)}:${hex(pci.identity.device)}`,
    };
  });
}

/** The list as a table, one line a device. */
export function deviceTable(list: readonly ListedDevice[]): string[] {
  const rows = [
    ['device', 'address', 'id', 'driver', 'iommu', 'group', 'files'],
    ...list.map(({ name, address, id, driver, iommu, group, groupFile, file }) => [
      ...[name, address, id, driver ?? '-', iommu, String(group)],
      file === null ? '-' : `${groupFile} ${file}`,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
