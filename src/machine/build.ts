/** Builds the hardware of a machine description: units, groups, requesters, devices. */

import type { OpenStore } from '../devices/block-store.js';
import { DEVICE_MODELS } from '../devices/models.js';
import { bindHostDriver } from '../iommu/attach.js';
import { DmaPort } from '../iommu/dma.js';
import { PasidPool, PasidTable, type SharedPasids } from '../iommu/pasid-table.js';
import { IommuGroup, Requester } from '../iommu/requester.js';
import type { IommuUnit } from '../iommu/unit.js';
import type { Pollers } from '../kernel/pollers.js';
import type { Timers } from '../kernel/timers.js';
import { EXTENDED, SRIOV } from '../pci/config/extended-capabilities.js';
import { PciFunction } from '../pci/function.js';
import { ArrayMemory, type MakeMemory } from '../pci/memory.js';
import { PAGE_TABLES, pageSize } from './file/names.js';
import type { MachineDescription } from './file/schema.js';
import { modelOptions } from './model-options.js';

export interface MachineDevice {
  /** vfioN, or any name for a device of a host driver. */
  readonly name: string;
  readonly requester: Requester;
  readonly port: DmaPort;
  readonly function: PciFunction;
  /** Vectors of MSI-X can be added while it is enabled. */
  readonly dynamicMsix: boolean;
  /** Of a virtual function: its physical function. */
  readonly physical?: MachineDevice | undefined;
}

/** What a machine's devices run on. */
export interface MachineParts {
  readonly timers: Timers;
  readonly pollers: Pollers;
  /** Where the memory behind BARs is; in arrays when not given. */
  readonly makeMemory?: MakeMemory | undefined;
  /** Opens the files of disks; without it there are disks in memory only. */
  readonly openStore?: OpenStore | undefined;
  /** Told of what devices find in polled registers. */
  readonly found: (device: string, register: string, value: number | bigint) => void;
}

export interface Machine {
  readonly units: ReadonlyMap<string, IommuUnit>;
  readonly groups: ReadonlyMap<number, IommuGroup>;
  readonly devices: readonly MachineDevice[];
  /**
   * Makes a virtual function of a physical one, which has SR-IOV (each is alone in a group of its own). The same
   * one again where it was before.
   * @param index 0 and up
   */
  addVirtual(physical: MachineDevice, index: number): MachineDevice;
  /** Takes a virtual function out of the machine. */
  removeVirtual(device: MachineDevice): void;
}

function noFiles(file: string): never {
  throw new RangeError(`${file}: disks in files need the runner (ioasid exec)`);
}

export function buildMachine(description: MachineDescription, parts: MachineParts): Machine {
  const { timers, pollers, found } = parts;
  const openStore = parts.openStore ?? noFiles;
  const makeMemory: MakeMemory = parts.makeMemory ?? ((_device, _bar, size) => new ArrayMemory(size));
  const units = new Map<string, IommuUnit>();
  for (const [name, it] of Object.entries(description.iommus)) {
    units.set(name, {
      name,
      index: units.size,
      enforcesSnoop: it['enforce-snoop'],
      hardwareNesting: it.nesting.hardware,
      softwareNesting: it.nesting.software,
      pasidBits: it['pasid-bits'],
      addressWidth: it['address-width'],
      pageSizes: it['page-sizes'].reduce((all, size) => all | pageSize(size), 0n),
      tableFormats: it['page-tables'].reduce((all, format) => all | (1n << BigInt(PAGE_TABLES.indexOf(format))), 0n),
      dirtyTracking: it['dirty-tracking'],
      reserved: it.reserved.map(({ start, last }) => ({ start: BigInt(start), last: BigInt(last) })),
    });
  }
  const tables = new Map<string, PasidTable>();
  // One pool for all parents that take ENQCMD: the CPU has one translation for a guest's PASID.
  const pool = new PasidPool(20);
  const shared: SharedPasids = new Map();
  const tableOf = (it: MachineDescription['devices'][string], unit: IommuUnit): PasidTable => {
    if (it.parent === undefined) return new PasidTable();
    let table = tables.get(it.parent);
    if (!table) {
      table = it.enqcmd ? new PasidTable(pool, shared) : new PasidTable(new PasidPool(unit.pasidBits));
      tables.set(it.parent, table);
    }
    return table;
  };
  const groups = new Map<number, IommuGroup>();
  const devices: MachineDevice[] = [];
  const make = (name: string, it: DeviceDescription, physical?: MachineDevice): MachineDevice => {
    const unit = units.get(it.iommu);
    if (!unit) throw new Error(`device ${name} is behind no IOMMU`);
    const group = groups.get(it.group) ?? new IommuGroup(it.group);
    groups.set(it.group, group);
    const requester = new Requester(
      it.function ?? name,
      unit,
      group,
      { noSnoop: it['no-snoop'], pasid: it.pasid, pri: it.pri, enqcmd: it.enqcmd },
      tableOf(it, unit),
      { parent: it.parent },
    );
    if (it['host-driver'] !== undefined) bindHostDriver(requester, it['host-driver']);
    const port = new DmaPort(requester);
    let pci: PciFunction | undefined;
    const slot = {
      dma: port,
      memory: (bar: number, size: number) => makeMemory(name, bar, size),
      interrupt: (vector: number, asked?: boolean) => pci?.interrupts.message(vector, asked),
      line: (asserted: boolean) => pci?.interrupts.line(asserted),
      schedule: (delay: number, act: () => void) => timers.schedule(delay, act),
      found: (register: string, value: number | bigint) => found(name, register, value),
    };
    const model = DEVICE_MODELS[it.model](slot, modelOptions(name, it, unit, openStore));
    pci = new PciFunction(model, port, pollers);
    return { name, requester, port, function: pci, dynamicMsix: it.interrupts?.['msix-dynamic'] ?? false, physical };
  };
  for (const [name, it] of Object.entries(description.devices)) devices.push(make(name, it));
  const virtual = new Map<string, MachineDevice>();
  return {
    ...{ units, groups, devices },
    addVirtual: (physical, index) => {
      const address = virtualAddress(physical, index);
      const known = virtual.get(address);
      const it = description.devices[physical.name];
      if (!it) throw new Error(`${physical.name} is no device of the machine file`);
      const group = known ? 0 : Math.max(...groups.keys()) + 1;
      // Virtual functions have no ROM.
      const memory = it.memory && { ...it.memory, rom: undefined };
      const options = { ...it, memory, function: address, group, sriov: undefined, 'host-driver': undefined };
      const device = known ?? make(freeName([...devices, ...virtual.values()]), options, physical);
      virtual.set(address, device);
      devices.push(device);
      return device;
    },
    removeVirtual: (device) => void devices.splice(devices.indexOf(device), 1),
  };
}

type DeviceDescription = MachineDescription['devices'][string];

/** The first name that no device has. */
function freeName(devices: readonly MachineDevice[]): string {
  let index = 0;
  while (devices.some(({ name }) => name === `vfio${index}`)) index++;
  return `vfio${index}`;
}

/** The routing ID of a virtual function, from its physical function's (PCI Express Base Specification, 9.2.1.2). */
function virtualAddress({ requester, function: pci }: MachineDevice, index: number): string {
  const at = pci.config.findExtended(EXTENDED.SRIOV) ?? 0;
  const [offset, stride] = [pci.config.get16(at + SRIOV.FIRST_VF_OFFSET), pci.config.get16(at + SRIOV.VF_STRIDE)];
  const [, domain, bus, slot, number] = /^(.*):(..):(..)\.(.)$/.exec(requester.name) ?? [];
  const own = (Number.parseInt(bus ?? '', 16) << 8) | (Number.parseInt(slot ?? '', 16) << 3) | Number(number);
  const id = own + offset + index * stride;
  const hex = (value: number): string => value.toString(16).padStart(2, '0');
  return `${domain}:${hex(id >> 8)}:${hex((id >> 3) & 31)}.${id & 7}`;
}
