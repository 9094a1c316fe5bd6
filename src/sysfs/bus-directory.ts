/** /sys/bus/pci and /sys/module: functions by address, the drivers with bind, unbind and new_id, and their modules. */

import type { FileSystem } from '../kernel/fs/file-system.js';
import type { DirectoryInode } from '../kernel/fs/inode.js';
import type { PciBus, PciSlot } from '../pci/bus/bus.js';
import type { PciDriver } from '../pci/bus/driver.js';
import { checkAction, type FunctionSurroundings, functionPath } from './function-directory.js';
import { both, fill, linkTo, parseBoolean, parseNumber, taken, trigger } from './nodes.js';

const BUS = '/sys/bus/pci';

export class BusDirectory {
  readonly #fs: FileSystem;
  readonly #bus: PciBus;
  readonly #devices: DirectoryInode;

  constructor(fs: FileSystem, around: FunctionSurroundings) {
    this.#fs = fs;
    const { bus } = around;
    this.#bus = bus;
    // The machine's bus stands in place of the host's.
    const directory = fs.directory(BUS);
    this.#devices = fs.directory(`${BUS}/devices`);
    fill(directory, {
      drivers_probe: taken((text) => bus.probe(text)),
      drivers_autoprobe: both(
        () => (bus.autoprobe ? 1 : 0),
        (text) => {
          bus.autoprobe = parseBoolean(text);
        },
      ),
      rescan: taken(trigger(() => around.rescan())),
      uevent: taken(checkAction),
    });
    fs.directory(`${BUS}/slots`);
    for (const driver of bus.drivers) this.#addDriver(driver);
  }

  add({ address }: PciSlot): void {
    this.#devices.add(address, linkTo(`${BUS}/devices/${address}`, functionPath(address)));
    for (const driver of this.#bus.drivers) this.#addTo(driver, address);
  }

  remove({ address }: PciSlot): void {
    this.#devices.remove(address);
    for (const driver of this.#bus.drivers) this.#fs.remove(`${BUS}/drivers/${driver.name}/${address}`);
  }

  /** A driver's link to a function is there while they are bound. */
  #addTo(driver: PciDriver, address: string): void {
    const at = `${BUS}/drivers/${driver.name}/${address}`;
    const bound = (): boolean => this.#bus.slots.some((slot) => slot.address === address && slot.driver === driver);
    this.#fs.add(at, linkTo(at, functionPath(address), bound));
  }

  #addDriver(driver: PciDriver): void {
    const at = `${BUS}/drivers/${driver.name}`;
    const module = `/sys/module/${driver.module}`;
    fill(this.#fs.directory(at), {
      bind: taken((text) => this.#bus.bind(driver, text)),
      unbind: taken((text) => this.#bus.unbind(driver, text)),
      new_id: taken((text) => this.#bus.addId(driver, text)),
      remove_id: taken((text) => driver.removeId(text)),
      uevent: taken(checkAction),
      module: linkTo(`${at}/module`, module),
    });
    const drivers = `${module}/drivers/pci:${driver.name}`;
    this.#fs.add(drivers, linkTo(drivers, at));
    // driverctl looks for the driver's name before it runs modprobe, for which a machine without modules has no use.
    const asNamed = `/sys/module/${driver.name}`;
    if (asNamed !== module) this.#fs.add(asNamed, linkTo(asNamed, module));
  }
}

/** Parameters of a module that are switches. Returns what tells how one stands. */
function switches(
  fs: FileSystem,
  module: string,
  parameters: Readonly<Record<string, { mode: number; on?: boolean }>>,
): (name: string) => boolean {
  const values = new Map<string, boolean>();
  const directory = fs.directory(`/sys/module/${module}/parameters`);
  for (const [name, { mode, on = false }] of Object.entries(parameters)) {
    values.set(name, on);
    const inode = both(
      () => (values.get(name) ? 'Y' : 'N'),
      (text) => void values.set(name, parseBoolean(text)),
    );
    inode.mode = mode;
    directory.add(name, inode);
  }
  return (name) => values.get(name) ?? false;
}

/** What the parameters of modules decide. */
export interface ModuleParameters {
  /** vfio_pci: physical functions under it may have virtual ones. */
  readonly enableSriov: () => boolean;
}

/** The modules of VFIO and iommufd, with their parameters (drivers/vfio, drivers/iommu/iommufd). */
export function addModules(fs: FileSystem): ModuleParameters {
  switches(fs, 'vfio', { enable_unsafe_noiommu_mode: { mode: 0o644 } });
  switches(fs, 'vfio_iommu_type1', {
    allow_unsafe_interrupts: { mode: 0o644 },
    disable_hugepages: { mode: 0o644 },
  });
  const vfioPci = switches(fs, 'vfio_pci', {
    ...{ nointxmask: { mode: 0o644 }, disable_idle_d3: { mode: 0o644 }, enable_sriov: { mode: 0o644, on: true } },
    ...{ disable_denylist: { mode: 0o444 }, disable_vga: { mode: 0o444 } },
  });
  switches(fs, 'iommufd', { allow_unsafe_interrupts: { mode: 0o644 } });
  let limit = 65535;
  fs.directory('/sys/module/vfio_iommu_type1/parameters').add(
    'dma_entry_limit',
    both(
      () => limit,
      (text) => {
        limit = parseNumber(text);
      },
    ),
  );
  return { enableSriov: () => vfioPci('enable_sriov') };
}
