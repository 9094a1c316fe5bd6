/**
 * /sys as programs on the machine see it: its PCI bus, IOMMU groups and units, character devices and modules. It is a view:
 * everything is read from the machine when it is asked for. Where the tree lies over the host's, what is not the
 * machine's is the host's; the PCI bus, the IOMMU groups and the classes iommu, vfio and vfio-dev are the machine's alone.
 */
import type { IommuGroup } from '../iommu/requester.js';
import type { IommuUnit } from '../iommu/unit.js';
import type { FileSystem } from '../kernel/fs/file-system.js';
import { DirectoryInode } from '../kernel/fs/inode.js';
import type { PciSlot } from '../pci/bus/bus.js';
import { addModules, BusDirectory, type ModuleParameters } from './bus-directory.js';
import { addCharacterDevice, type CharacterDevice, removeCharacterDevice } from './character-devices.js';
import { type FunctionSurroundings, functionDirectory, functionPath } from './function-directory.js';
import { IommuDirectory } from './iommu-directory.js';
import { fill, linkTo } from './nodes.js';

/** Directories that lie over the host's. */
const OVER_THE_HOST = [
  ...['/sys', '/sys/bus', '/sys/class', '/sys/class/misc', '/sys/dev', '/sys/dev/char', '/sys/devices'],
  ...['/sys/devices/virtual', '/sys/devices/virtual/misc', '/sys/kernel', '/sys/kernel/debug', '/sys/module'],
];
const MEDIATED = '/sys/devices/virtual/mdev';

export class Sysfs {
  readonly #fs: FileSystem;
  readonly #bus: BusDirectory;
  readonly #iommu: IommuDirectory;
  readonly #around: FunctionSurroundings;
  readonly parameters: ModuleParameters;

  constructor(fs: FileSystem, units: Iterable<IommuUnit>, around: FunctionSurroundings) {
    this.#fs = fs;
    this.#around = around;
    for (const path of OVER_THE_HOST) fs.directory(path, 'all');
    for (const name of ['iommu', 'vfio', 'vfio-dev']) fs.directory(`/sys/class/${name}`);
    // What debugfs of the host tells of its IOMMUs is none of this machine's.
    fs.directory('/sys/kernel/debug').add('iommu', new DirectoryInode({ mode: 0o755 }, 'none', () => false));
    this.parameters = addModules(fs);
    this.#bus = new BusDirectory(fs, around);
    this.#iommu = new IommuDirectory(fs, units);
    around.bus.watch({ added: (slot) => this.#add(slot), removed: (slot) => this.#remove(slot) });
  }

  /** A mediated device, which is no function: it has a directory, and a group. */
  addMediated(name: string, group: IommuGroup, unit: IommuUnit): string {
    const at = `${MEDIATED}/${name}`;
    fill(this.#fs.directory(at), {
      iommu_group: linkTo(`${at}/iommu_group`, `/sys/kernel/iommu_groups/${group.id}`),
    });
    this.#iommu.add(group, unit, name, at);
    return at;
  }

  removeMediated(name: string, group: IommuGroup, unit: IommuUnit): void {
    this.#iommu.remove(group, unit, name);
    this.#fs.remove(`${MEDIATED}/${name}`);
  }

  /** A character device appears. */
  addDevice(device: CharacterDevice): void {
    addCharacterDevice(this.#fs, device);
  }

  removeDevice(device: CharacterDevice): void {
    removeCharacterDevice(this.#fs, device);
  }

  #add(slot: PciSlot): void {
    const { address, requester } = slot;
    const at = functionPath(address);
    // The host's functions below the same bridge can be reached by what it has elsewhere, as /sys/class/net; they are not listed.
    this.#fs
      .directory(at.slice(0, at.lastIndexOf('/')), () => true)
      .add(address, functionDirectory(slot, this.#around));
    this.#bus.add(slot);
    this.#iommu.add(requester.group, requester.unit, address, at);
  }

  #remove(slot: PciSlot): void {
    const { address, requester } = slot;
    this.#iommu.remove(requester.group, requester.unit, address);
    this.#bus.remove(slot);
    this.#fs.remove(functionPath(address));
  }
}
