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
import { PciFunction } from '../pci/function.js';
import { ArrayMemory, type MakeMemory } from '../pci/memory.js';
import { modelOptions } from './model-options.js';
import { PAGE_TABLES, pageSize } from './names.js';
import type { MachineDescription } from './schema.js';

export interface MachineDevice {
  /** vfioN, or any name for a device of a host driver. */
  readonly name: string;
  readonly requester: Requester;
  readonly port: DmaPort;
  readonly function: PciFunction;
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
  for (const [name, it] of Object.entries(description.devices)) {
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
      interrupt: (vector: number) => pci?.interrupts.message(vector),
      line: (asserted: boolean) => pci?.interrupts.line(asserted),
      schedule: (delay: number, act: () => void) => timers.schedule(delay, act),
      found: (register: string, value: number | bigint) => found(name, register, value),
    };
    const model = DEVICE_MODELS[it.model](slot, modelOptions(name, it, unit, openStore));
    pci = new PciFunction(model, port, pollers);
    devices.push({ name, requester, port, function: pci });
  }
  return { units, groups, devices };
}
