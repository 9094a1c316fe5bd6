/** /sys/bus/pci and /sys/module: functions by address, the drivers with bind, unbind and new_id, and their modules. */
import { Errno } from '../abi/errno.js';
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
  /** vfio_iommu_type1: most mappings of a container that gets its driver now. */
  readonly dmaEntryLimit: () => number;
  /** vfio: groups without an IOMMU may be used. */
  readonly unsafeNoIommu: () => boolean;
  /** vfio_pci: physical functions under it may have virtual ones. */
  readonly enableSriov: () => boolean;
}

/** Module parameter dma_entry_limit at boot. */
const DMA_ENTRY_LIMIT = 65535;
const U32_MAX = 0xffff_ffff;

/** The modules of VFIO and iommufd, with their parameters (drivers/vfio, drivers/iommu/iommufd). */
export function addModules(fs: FileSystem): ModuleParameters {
  const vfio = switches(fs, 'vfio', { enable_unsafe_noiommu_mode: { mode: 0o644 } });
  // Interrupts of this machine are isolated: the two parameters that would do without have nothing to decide.
  switches(fs, 'vfio_iommu_type1', {
    allow_unsafe_interrupts: { mode: 0o644 },
    disable_hugepages: { mode: 0o644 },
  });
  const vfioPci = switches(fs, 'vfio_pci', {
    ...{ nointxmask: { mode: 0o644 }, disable_idle_d3: { mode: 0o644 }, enable_sriov: { mode: 0o644, on: true } },
    ...{ disable_denylist: { mode: 0o444 }, disable_vga: { mode: 0o444 } },
  });
  switches(fs, 'iommufd', { allow_unsafe_interrupts: { mode: 0o644 } });
  let limit = DMA_ENTRY_LIMIT;
  const limited = both(
    () => limit,
    (text) => {
      const value = parseNumber(text);
      if (value > U32_MAX) throw new Errno('ERANGE', `dma_entry_limit has 32 bits, ${text} has more`);
      limit = value;
    },
  );
  fs.directory('/sys/module/vfio_iommu_type1/parameters').add('dma_entry_limit', limited);
  return {
    dmaEntryLimit: () => limit,
    unsafeNoIommu: () => vfio('enable_unsafe_noiommu_mode'),
    enableSriov: () => vfioPci('enable_sriov'),
  };
}
