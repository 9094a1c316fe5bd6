/** VFIO as a personality: a node for each device that can be assigned. */
import type { MachineDevice } from '../machine/build.js';
import type { MachineServices, Personality } from '../machine/personality.js';
import { AssignedDevice } from './assigned-device.js';
import { openDevice } from './file.js';

/** VFIO's cdev has a major number of its own. */
const VFIO_MAJOR = 511;
const DIRECTORY = '/dev/vfio/devices';

export class VfioPersonality implements Personality {
  readonly #services: MachineServices;
  /** What is plugged in, by name. */
  readonly #assigned = new Map<string, AssignedDevice>();

  constructor(services: MachineServices) {
    this.#services = services;
  }

  /** A device that is plugged in, by its name, vfioN. @throws RangeError that lists the names */
  device(name: string): AssignedDevice {
    const device = this.#assigned.get(name);
    if (!device)
      throw new RangeError(`no device '${name}' is plugged in; there are: ${[...this.#assigned.keys()].join(', ')}`);
    return device;
  }

  plug(from: MachineDevice): void {
    const { name, requester } = from;
    const { kernel, hardware } = this.#services;
    const device = new AssignedDevice(name, requester, from.function);
    this.#assigned.set(name, device);
    const minor = hardware.devices.indexOf(from);
    kernel.fs.addDevice(`${DIRECTORY}/${name}`, VFIO_MAJOR, minor, () => openDevice(device));
    if (!requester.parent) kernel.fs.addLink(`${DIRECTORY}/by-bdf/${requester.name}`, `../${name}`);
  }

  unplug({ name, requester }: MachineDevice): void {
    const { fs } = this.#services.kernel;
    const device = this.device(name);
    this.#assigned.delete(name);
    fs.remove(`${DIRECTORY}/${name}`);
    fs.remove(`${DIRECTORY}/by-bdf/${requester.name}`);
    device.remove();
  }
}
