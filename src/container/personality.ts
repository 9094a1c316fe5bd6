/** VFIO containers and groups as a personality: /dev/vfio/vfio, and /dev/vfio/N while group N has a device under VFIO. */
import type { MachineDevice } from '../machine/build.js';
import { type MachineServices, miscDevice, type Personality } from '../machine/personality.js';
import type { CharacterDevice } from '../sysfs/character-devices.js';
import type { AssignedDevice } from '../vfio/assigned-device.js';
import type { VfioGroup } from '../vfio/group.js';
import type { VfioPersonality } from '../vfio/personality.js';
import type { Container } from './container.js';
import { openContainer } from './container-file.js';
import { openGroup } from './group-file.js';

/** linux/miscdevice.h: VFIO_MINOR. */
const MINOR = 196;
/** Groups have a major number of their own, the next below that of devices. */
const GROUP_MAJOR = 510;

export class ContainerPersonality implements Personality {
  /** The containers that live. */
  readonly containers = new Set<Container>();
  readonly #services: MachineServices;
  readonly #vfio: VfioPersonality;
  /** The groups that have a file, by their minor number: the lowest that was free. */
  readonly #groups: (VfioGroup<AssignedDevice> | undefined)[] = [];

  constructor(services: MachineServices, vfio: VfioPersonality) {
    this.#services = services;
    this.#vfio = vfio;
    services.nodes.add(
      miscDevice('vfio', MINOR, 'vfio/vfio'),
      () => openContainer(this.containers, services.parameters),
      0o666,
    );
  }

  state(): ReturnType<NonNullable<Personality['state']>> {
    return { containers: [...this.containers].map((container, i) => containerState(container, i + 1)) };
  }

  plug({ requester }: MachineDevice): void {
    const group = this.#vfio.group(requester.group);
    if (this.#groups.includes(group)) return;
    const free = this.#groups.indexOf(undefined);
    const minor = free < 0 ? this.#groups.length : free;
    this.#groups[minor] = group;
    this.#services.nodes.add(nodeOf(group, minor), () => openGroup(group, this.#vfio.files));
  }

  unplug({ requester }: MachineDevice): void {
    const group = this.#vfio.group(requester.group);
    const minor = this.#groups.indexOf(group);
    if (minor < 0 || [...group.devices].some(({ removed }) => !removed)) return;
    this.#groups[minor] = undefined;
    this.#services.nodes.remove(nodeOf(group, minor));
  }
}

function containerState(container: Container, number: number) {
  const { hasDriver, groups } = container;
  return {
    container: number,
    iommu: hasDriver ? (container.type1.v2 ? 'type1v2' : 'type1') : null,
    ...(hasDriver && { mappings: container.type1.mappings.count, enforceSnoop: container.type1.enforcesSnoop }),
    groups: groups.map(({ id, members }) => ({ id, attached: [...members].map(({ name }) => name) })),
  };
}

function nodeOf({ iommu: { id } }: VfioGroup<AssignedDevice>, minor: number): CharacterDevice {
  return { class: 'vfio', name: `${id}`, node: `vfio/${id}`, major: GROUP_MAJOR, minor };
}
