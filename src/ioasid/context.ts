/**
 * An IOASID context: what an open file of /dev/ioasid is (uapi-ioasid.md, 1 and 2). It owns the address spaces, the
 * registered memory and the bound devices; its last close frees them all.
 */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { ALLOC, EVENT } from '../abi/ioasid/constants.js';
import type { Authority, FactSource, FileRecord } from '../authority/authority.js';
import type { FileFacts } from '../authority/policy.js';
import { claim, release } from '../iommu/attach.js';
import type { DmaSource } from '../iommu/domain.js';
import type { IommuGroup, Requester } from '../iommu/requester.js';
import type { WorkQueues } from '../kernel/proof.js';
import type { Timers } from '../kernel/timers.js';
import { allocation } from '../memory/allocation.js';
import type { CpuCaches } from '../memory/cpu-caches.js';
import { BoundDevice } from './device/bound-device.js';
import { attachPasid, detachPasid } from './device/pasid-attachments.js';
import { ContextQueues } from './device/work-queues.js';
import { Events } from './events.js';
import { AddressSpace } from './space/address-space.js';
import type { Attachment } from './space/attachment.js';
import { Faults } from './space/faults.js';
import { removeMappings } from './space/mapping.js';
import { RegisteredMemory } from './space/registered-memory.js';

/** A device that a context has. */
export type ContextDevice = BoundDevice<IoasidContext>;

/** Most address spaces in one context: some hundred bytes each, so that a context does not grow without end. */
export const MAX_IOASIDS = 1 << 16;

/** What a context needs of the machine. */
export interface IoasidHost {
  readonly authority: Authority;
  readonly timers: Timers;
  /** How long a device waits for a page, milliseconds. */
  readonly faultTimeout: number;
  /** Tells which contexts there are. */
  readonly contexts: Set<IoasidContext>;
  /** The modelled CPU caches. */
  readonly caches: CpuCaches;
  /** Gives work to a device by ENQCMD. @returns false: its queue is full. @throws ENODEV it is gone */
  enqueue(requester: Requester, wire: number): boolean;
  /** What a person calls a context. */
  label(context: IoasidContext): string;
  /** Number of the next context: no two have the same. */
  nextContext(): number;
  /** Tells that a context's right came or went. */
  note(subject: string, text: string): void;
}

export class IoasidContext implements FactSource {
  readonly host: IoasidHost;
  /** It stays the same, whichever other contexts close. */
  readonly number: number;
  readonly registered = new RegisteredMemory();
  readonly events = new Events();
  readonly queues: WorkQueues = new ContextQueues(this);
  /** This open file in the eyes of the authority policy. */
  readonly record: FileRecord;
  readonly #spaces = new Map<number, AddressSpace>();
  readonly #devices = new Map<DmaSource, ContextDevice>();
  /** No id below is free. */
  #lowest = 1;

  constructor(host: IoasidHost) {
    this.host = host;
    this.number = host.nextContext();
    host.contexts.add(this);
    this.record = host.authority.addFile(this, (held) => {
      this.emit(held ? EVENT.IOASID_EVENT_WBINVD_GRANTED : EVENT.IOASID_EVENT_WBINVD_REVOKED, 0, 0n);
      host.note(this.name, held ? 'has the right to flush the caches now' : 'has the right to flush no longer');
    });
  }

  /**
   * Lets the cache model know which pages non-coherent devices reach: called after an attachment came or went.
   * Only roots map process memory; a device on a child reaches it through its root.
   */
  #followCaches(): void {
    if (!this.host.caches.strict) return;
    const reached = new Set<AddressSpace>();
    for (const space of this.#spaces.values()) if (space.nonCoherent) reached.add(space.root);
    for (const space of this.#spaces.values()) {
      if (!space.parent) space.followCaches(this.host.caches, reached.has(space));
    }
  }

  /** What a trace calls it. */
  get name(): string {
    return `/dev/ioasid #${this.number}`;
  }

  /** The last close: devices are detached and unbound, address spaces freed, charges given back. */
  release(): void {
    for (const device of [...this.#devices.values()]) this.unbind(device);
    for (const space of this.#spaces.values()) {
      space.faults?.close();
      removeMappings(space, this.registered, 0, Number.POSITIVE_INFINITY);
    }
    this.#spaces.clear();
    this.registered.clear();
    if (this.record.right) this.host.note(this.name, 'has the right to flush no longer: it was closed');
    this.host.authority.removeFile(this.record);
    this.host.contexts.delete(this);
  }

  /** Tells the context's listeners of an event. */
  emit(type: number, ioasid: number, cookie: bigint): void {
    this.events.emit(type, ioasid, cookie);
  }

  facts(): FileFacts {
    return this.#factsWithout(undefined);
  }

  /** The facts as they would be without an attachment. */
  #factsWithout(gone: Attachment | undefined): FileFacts {
    const devices = [...this.#devices.values()];
    return {
      need: [...this.#spaces.values()].some((space) => space.nonCoherentWithout(gone)),
      bound: devices.length > 0,
      unenforced: devices.some((device) => !device.requester.unit.enforcesSnoop),
    };
  }

  /** @throws ENXIO the policy in force gives this open file no right to flush the caches */
  requireFlushRight(): void {
    const { authority } = this.host;
    if (authority.mayFlush(this.record)) return;
    throw new Errno('ENXIO', `policy '${authority.policy.name}' gives this open file no right to flush the caches`);
  }

  spaces(): IterableIterator<AddressSpace> {
    return this.#spaces.values();
  }

  devices(): IterableIterator<ContextDevice> {
    return this.#devices.values();
  }

  device(requester: DmaSource): ContextDevice | undefined {
    return this.#devices.get(requester);
  }

  /** @throws ENOENT the id does not exist in this context */
  space(id: number): AddressSpace {
    const space = this.#spaces.get(id);
    if (!space) throw new Errno('ENOENT', `IOASID ${id} does not exist in this context`);
    return space;
  }

  /** @throws ENOENT no device was bound with this cookie */
  deviceByCookie(cookie: bigint): ContextDevice {
    for (const device of this.#devices.values()) if (device.cookie === cookie) return device;
    throw new Errno('ENOENT', `no device is bound with cookie ${hex(cookie)}`);
  }

  /** Opens the fault fd of an address space that has none. */
  openFaults(space: AddressSpace): Faults {
    allocation('a fault queue');
    return new Faults({
      ioasid: space.id,
      device: (who) => this.device(who),
      attached: (device, pasid) => space.attachment(device, pasid) !== undefined,
      schedule: (act) => this.host.timers.schedule(this.host.faultTimeout, act),
      emit: (type, ioasid, cookie) => this.emit(type, ioasid, cookie),
      closed: () => {
        space.faults = undefined;
      },
    });
  }

  /** A new address space with the lowest free id. @throws ENOSPC */
  alloc(flags: number, parent?: AddressSpace): AddressSpace {
    if (this.#spaces.size >= MAX_IOASIDS) throw new Errno('ENOSPC', `the context has ${MAX_IOASIDS} IOASIDs`);
    allocation('an IOASID');
    while (this.#spaces.has(this.#lowest)) this.#lowest++;
    const inherited = parent ? parent.flags & ~ALLOC.IOASID_ALLOC_ACCOUNTING_ROOT : flags;
    const space = new AddressSpace(this.#lowest, inherited, parent);
    this.#spaces.set(space.id, space);
    return space;
  }

  /** @throws EBUSY a device is attached, or a child alive */
  free(space: AddressSpace): void {
    if (space.attachments.length > 0) throw new Errno('EBUSY', `a device is attached to IOASID ${space.id}`);
    if (space.children.size > 0) throw new Errno('EBUSY', `IOASID ${space.id} has ${space.children.size} children`);
    space.faults?.close();
    removeMappings(space, this.registered, 0, Number.POSITIVE_INFINITY);
    space.parent?.children.delete(space);
    this.#spaces.delete(space.id);
    if (space.id < this.#lowest) this.#lowest = space.id;
  }

  /**
   * Binds a device (3.1).
   * @throws EPERM a device of its group belongs to another context, or to a host driver that does DMA
   */
  bind(requester: Requester, cookie: bigint, onUnbind: () => void): ContextDevice {
    allocation('a bound device');
    claim(requester.group, this, (group) => this.#groupChanged(group));
    const device = new BoundDevice(this, requester, cookie, onUnbind);
    this.#devices.set(requester, device);
    this.host.authority.changed(this.record);
    return device;
  }

  /** The device is gone from the machine: no policy can hold it. */
  remove(device: ContextDevice): void {
    this.emit(EVENT.IOASID_EVENT_DEVICE_REMOVED, 0, device.cookie);
    this.#letGo(device);
  }

  /** A function came to a group of this context, or went from it: the group may be whole now, or only partly attached. */
  #groupChanged(group: IommuGroup): void {
    for (const member of group.members) this.device(member)?.reroute();
  }

  /** Lets a device go, with all of its attachments: its last close. */
  unbind(device: ContextDevice): void {
    const spaces = device.attachments().map(({ space }) => space.id);
    this.#letGo(device);
    for (const ioasid of spaces) this.emit(EVENT.IOASID_EVENT_DEVICE_DETACHED, ioasid, device.cookie);
  }

  #letGo(device: ContextDevice): void {
    device.detachAll();
    this.#followCaches();
    this.#devices.delete(device.requester);
    release(device.requester.group, this);
    device.onUnbind();
    this.host.authority.changed(this.record);
  }

  /** @param pasid undefined: the default attachment */
  attach(device: ContextDevice, space: AddressSpace, pasid: number | undefined, noSnoopUnused: boolean): void {
    if (pasid === undefined) device.attach(space, noSnoopUnused);
    else attachPasid(device, space, pasid, noSnoopUnused);
    this.#followCaches();
    this.emit(EVENT.IOASID_EVENT_DEVICE_ATTACHED, space.id, device.cookie);
    this.host.authority.changed(this.record);
  }

  /** @throws EBUSY also where the policy in force holds the device for a VM */
  detach(device: ContextDevice, space: AddressSpace, pasid: number | undefined): void {
    if (!this.#mayDetach(device, space, pasid)) {
      throw new Errno(
        'EBUSY',
        `a VM holds this context as its proof, and ${device.requester.name} is the last device that gives it`,
      );
    }
    if (pasid === undefined) device.detach(space);
    else detachPasid(device, space, pasid);
    this.#followCaches();
    this.emit(EVENT.IOASID_EVENT_DEVICE_DETACHED, space.id, device.cookie);
    this.host.authority.changed(this.record);
  }

  /** Asks the policy, with the facts as they would be after the detach. */
  #mayDetach(device: ContextDevice, space: AddressSpace, pasid: number | undefined): boolean {
    const attachment = space.attachment(device, pasid);
    if (!attachment) return true;
    return this.host.authority.mayGiveUp(this.record, this.#factsWithout(attachment));
  }
}
