/** /dev/ioasid as a personality: its node, and its contexts as plain data. */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { Requester } from '../iommu/requester.js';
import { type MachineServices, miscDevice, type Personality } from '../machine/personality.js';
import type { IoasidContext, IoasidHost } from './context.js';
import { openIoasid } from './file.js';
import type { AddressSpace } from './space/address-space.js';

const MINOR = 60;

export class IoasidPersonality implements Personality, IoasidHost {
  readonly authority: MachineServices['authority'];
  readonly timers: MachineServices['timers'];
  readonly caches: MachineServices['caches'];
  readonly faultTimeout: number;
  readonly contexts = new Set<IoasidContext>();
  readonly #hardware: MachineServices['hardware'];
  readonly #kernel: MachineServices['kernel'];
  #opened = 0;

  constructor({ kernel, nodes, hardware, authority, timers, caches, faultTimeout }: MachineServices) {
    this.authority = authority;
    this.timers = timers;
    this.caches = caches;
    this.faultTimeout = faultTimeout;
    this.#hardware = hardware;
    this.#kernel = kernel;
    nodes.add(miscDevice('ioasid', MINOR), () => openIoasid(this));
  }

  enqueue(requester: Requester, wire: number): boolean {
    const device = this.#hardware.devices.find((each) => each.requester === requester);
    if (!device || !requester.group.members.has(requester))
      throw new Errno('ENODEV', `${requester.name} was unplugged`);
    return device.function.enqueue(wire);
  }

  /** The number that a person knows a context by: its place among those that are open. */
  label(context: IoasidContext): string {
    return `context ${[...this.contexts].indexOf(context) + 1}`;
  }

  nextContext(): number {
    return ++this.#opened;
  }

  note(subject: string, text: string): void {
    this.#kernel.note(subject, text);
  }

  state() {
    return { contexts: [...this.contexts].map((context, i) => contextState(context, i + 1)) };
  }
}

function spaceState(space: AddressSpace) {
  return {
    ioasid: space.id,
    parent: space.parent?.id ?? null,
    enforceSnoop: space.enforceSnoop,
    nonCoherent: space.nonCoherent,
    partialGroup: space.partial?.id ?? null,
    mappings: space.mappings.map.count,
    userTable: space.userTable ? (space.wholePasidSpace ? 'pasid table' : 'page table') : null,
    dirtyTracking: space.mappings.dirty !== undefined,
    faultFd: space.faults !== undefined,
    attachments: space.attachments.map(({ device, pasid }) => ({
      device: device.requester.name,
      pasid: pasid ?? null,
    })),
  };
}

function contextState(context: IoasidContext, number: number) {
  return {
    context: number,
    mayFlush: context.host.authority.mayFlush(context.record),
    ...context.facts(),
    devices: [...context.devices()].map(({ requester, cookie, inUse }) => ({
      name: requester.name,
      cookie: hex(cookie),
      group: requester.group.id,
      inUse: inUse?.id ?? null,
    })),
    ioasids: [...context.spaces()].map(spaceState),
  };
}
