/** VFIO as a personality: a node for each device that can be assigned. */
import type { IommuGroup } from '../iommu/requester.js';
import type { MachineDevice } from '../machine/build.js';
import type { MachineServices, Personality } from '../machine/personality.js';
import { EXTENDED } from '../pci/config/extended-capabilities.js';
import type { CharacterDevice } from '../sysfs/character-devices.js';
import { AssignedDevice } from './assigned-device.js';
import type { DeviceRows } from './device-table.js';
import { type DeviceFileTable, deviceFileTable, openDevice } from './file.js';
import { VfioGroup } from './group.js';
import type { BusFunction, VfioHost } from './host.js';
import { type TokenRole, VfToken } from './vf-token.js';

/** VFIO's cdev has a major number of its own. */
const MAJOR = 511;
/** Bytes of a token. */
const TOKEN_SIZE = 16;
const DIRECTORY = '/dev/vfio/devices';
/** A device under a VFIO driver, and its minor number. */
const NAME = /^vfio(\d+)$/;
/** Of a PCI address, DDDD:BB, and how it ends on the root bus. */
const BUS_LENGTH = 7;
const ROOT_BUS = ':00';

export class VfioPersonality implements Personality {
  readonly #services: MachineServices;
  /** What is plugged in, by name. */
  readonly #assigned = new Map<string, AssignedDevice>();
  readonly #groups = new Map<IommuGroup, VfioGroup<AssignedDevice>>();
  /** By physical function. */
  readonly #tokens = new Map<MachineDevice, VfToken>();
  /** What the open files of devices do. */
  readonly files: DeviceFileTable;
  readonly #host: VfioHost<AssignedDevice>;

  /** @param wings what the other personalities add to the table of a device */
  constructor(services: MachineServices, wings: readonly DeviceRows[]) {
    this.#services = services;
    this.files = deviceFileTable(wings);
    this.#host = {
      pollers: services.pollers,
      schedule: (delay, act) => services.timers.schedule(delay, act),
      busFunctions: (device) => this.#busFunctions(device),
    };
  }

  /** A device that is plugged in, by its name, vfioN. @throws RangeError that lists the names */
  device(name: string): AssignedDevice {
    const device = this.#assigned.get(name);
    if (!device)
      throw new RangeError(`no device '${name}' is plugged in; there are: ${[...this.#assigned.keys()].join(', ')}`);
    return device;
  }

  /** What VFIO keeps of a group; the same object for as long as the machine runs. */
  group(of: IommuGroup): VfioGroup<AssignedDevice> {
    const group = this.#groups.get(of) ?? new VfioGroup<AssignedDevice>(of);
    this.#groups.set(of, group);
    return group;
  }

  plug(from: MachineDevice): void {
    const { requester } = from;
    const { kernel, nodes } = this.#services;
    const name = this.nameOf(from);
    const facts = {
      virtualFunction: from.physical !== undefined,
      dynamicMsix: from.dynamicMsix,
      directory: nodes.directoryOf(from),
    };
    const device = new AssignedDevice(name, requester, from.function, this.group(requester.group), this.#host, facts);
    device.tokenRole = this.#tokenRole(from);
    this.#assigned.set(name, device);
    nodes.add(this.#nodeOf(name, from), () => openDevice(device, this.files));
    if (!requester.parent) kernel.fs.addLink(`${DIRECTORY}/by-bdf/${requester.name}`, `../${name}`);
  }

  unplug(from: MachineDevice): void {
    const device = this.device(this.nameOf(from));
    this.#removeNodes(from);
    device.remove();
  }

  /**
   * The driver lets a device go, which stays where it is.
   * @param left called when nobody has it open any more, which may be at once
   */
  release(from: MachineDevice, left: () => void): void {
    const device = this.device(this.nameOf(from));
    this.#removeNodes(from);
    device.unbind(left);
  }

  /** A physical function has a token from the first time it is under vfio-pci on; its virtual functions have the same. */
  #tokenRole(from: MachineDevice): TokenRole {
    const owner = from.physical ?? from;
    if (owner.function.config.findExtended(EXTENDED.SRIOV) === undefined) return { kind: 'other' };
    const token = this.#tokens.get(owner) ?? new VfToken(this.#services.random(TOKEN_SIZE));
    this.#tokens.set(owner, token);
    if (from.physical) return { kind: 'virtual', token };
    const assigned = this.#assigned;
    return {
      ...{ kind: 'physical', token },
      get vfsOpen() {
        const open = ({ tokenRole, files }: AssignedDevice): boolean =>
          tokenRole.kind === 'virtual' && tokenRole.token === token && files.size > 0;
        return [...assigned.values()].filter(open).length;
      },
    };
  }

  /** The name of a device under vfio-pci: its own if that is vfioN, else the first that is free. */
  nameOf({ name, requester }: MachineDevice): string {
    for (const [known, device] of this.#assigned) if (device.requester === requester) return known;
    if (NAME.test(name)) return name;
    const taken = new Set([...this.#assigned.keys(), ...this.#services.hardware.devices.map((device) => device.name)]);
    let index = 0;
    while (taken.has(`vfio${index}`)) index++;
    return `vfio${index}`;
  }

  #nodeOf(name: string, from: MachineDevice): CharacterDevice {
    const parent = this.#services.nodes.directoryOf(from);
    const minor = Number(NAME.exec(name)?.[1]);
    return { class: 'vfio-dev', name, node: `vfio/devices/${name}`, major: MAJOR, minor, parent };
  }

  #removeNodes(from: MachineDevice): void {
    const name = this.nameOf(from);
    this.#services.nodes.remove(this.#nodeOf(name, from));
    this.#services.kernel.fs.remove(`${DIRECTORY}/by-bdf/${from.requester.name}`);
    this.#assigned.delete(name);
  }

  /** The functions on a device's bus; undefined: it is the root bus, which cannot be reset. */
  #busFunctions({ requester }: AssignedDevice): BusFunction<AssignedDevice>[] | undefined {
    const bus = requester.name.slice(0, BUS_LENGTH);
    if (bus.endsWith(ROOT_BUS)) return undefined;
    const devices = this.#services.hardware.devices.filter(({ requester: it }) => it.name.startsWith(bus));
    return devices.map((each) => ({
      address: each.requester.name,
      group: each.requester.group,
      device: this.#assigned.get(this.nameOf(each)),
    }));
  }
}
