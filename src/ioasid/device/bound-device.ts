/**
 * A device that a context owns (uapi-ioasid.md, 3.1 to 3.3): bound, and attached to some of the context's address
 * spaces. The rules of attach and detach are here.
 */
import { Errno } from '../../abi/errno.js';
import * as dma from '../../iommu/attach.js';
import type { DmaSource } from '../../iommu/domain.js';
import type { Requester } from '../../iommu/requester.js';
import { allocation } from '../../memory/allocation.js';
import type { AddressSpace } from '../space/address-space.js';
import type { AttachedDevice, Attachment } from '../space/attachment.js';
import { detachPasid } from './pasid-attachments.js';

/** What a device needs of the context that it is bound to. */
export interface DeviceOwner {
  device(who: DmaSource): BoundDevice | undefined;
  spaces(): Iterable<AddressSpace>;
}

/** @typeParam C the context, for who needs all of it */
export class BoundDevice<C extends DeviceOwner = DeviceOwner> implements AttachedDevice {
  readonly requester: Requester;
  readonly context: C;
  /** The user's name for the device. */
  readonly cookie: bigint;
  /** The default address space in use: the last of a chain of nested ones. */
  inUse: AddressSpace | undefined;
  /** Address spaces of its PASIDs. */
  readonly pasidSpaces = new Map<number, AddressSpace>();
  /** Called when the context lets the device go by itself: its last close, or removal of the device. */
  readonly onUnbind: () => void;

  constructor(context: C, requester: Requester, cookie: bigint, onUnbind: () => void) {
    this.context = context;
    this.requester = requester;
    this.cookie = cookie;
    this.onUnbind = onUnbind;
  }

  /** The assignable devices of the group, this one among them; undefined for one that is not bound. */
  mates(): (BoundDevice | undefined)[] {
    return [...this.requester.group.members].filter((m) => !m.hostDriver).map((m) => this.context.device(m));
  }

  /** All of its attachments. */
  attachments(): { space: AddressSpace; attachment: Attachment }[] {
    const found: { space: AddressSpace; attachment: Attachment }[] = [];
    for (const space of this.context.spaces()) {
      for (const attachment of space.attachments) if (attachment.device === this) found.push({ space, attachment });
    }
    return found;
  }

  /**
   * Attaches to an address space by requester ID (3.2).
   * @throws EBUSY, EINVAL as the section lists them
   */
  attach(space: AddressSpace, noSnoopUnused: boolean): void {
    const { name, unit } = this.requester;
    if (space.attachment(this, undefined))
      throw new Errno('EBUSY', `${name} is attached to IOASID ${space.id} already`);
    if (space.accountingRoot) {
      throw new Errno('EINVAL', `IOASID ${space.id} is an accounting root: no device attaches to it`);
    }
    const { parent } = space;
    if (parent && !parent.accountingRoot && !parent.attachment(this, undefined)) {
      throw new Errno('EINVAL', `${name} must be attached to IOASID ${parent.id} before its child ${space.id}`);
    }
    if (this.inUse && this.inUse !== parent) {
      throw new Errno('EBUSY', `${name} uses IOASID ${this.inUse.id}, of which IOASID ${space.id} is not a child`);
    }
    this.#agreeWithMates(space);
    space.checkUnit(unit);
    allocation('an attachment');
    space.attachments.push({ device: this, pasid: undefined, noSnoopUnused });
    this.inUse = space;
    space.refresh();
    this.reroute();
  }

  /**
   * Detaches the default attachment (3.2).
   * @throws ENOENT it is not attached there; EBUSY a child, or a PASID, is attached above it
   */
  detach(space: AddressSpace): void {
    const { name } = this.requester;
    const attachment = space.attachment(this, undefined);
    if (!attachment) throw new Errno('ENOENT', `${name} is not attached to IOASID ${space.id}`);
    if (this.pasidSpaces.size > 0 && !space.parent?.attachment(this, undefined)) {
      throw new Errno('EBUSY', `${this.pasidSpaces.size} PASIDs of ${name} are still attached`);
    }
    if (space !== this.inUse) {
      throw new Errno('EBUSY', `${name} is still attached to IOASID ${this.inUse?.id}, a child of IOASID ${space.id}`);
    }
    space.attachments.splice(space.attachments.indexOf(attachment), 1);
    this.inUse = space.parent?.attachment(this, undefined) ? space.parent : undefined;
    this.#forgetIn(space);
    this.reroute();
  }

  /** Nothing of the device is left in an address space: what it waits for is aborted, what was cached for it goes. */
  #forgetIn(space: AddressSpace): void {
    space.refresh();
    space.userTable?.forget(this.requester);
    space.faults?.abortUnattached(this);
  }

  /** Takes every attachment away, children first: the device is closed or gone. */
  detachAll(): void {
    for (const { space, attachment } of this.attachments().sort((a, b) => b.space.depth - a.space.depth)) {
      if (attachment.pasid !== undefined) detachPasid(this, space, attachment.pasid);
      else space.attachments.splice(space.attachments.indexOf(attachment), 1);
      this.#forgetIn(space);
    }
    this.inUse = undefined;
    this.reroute();
  }

  /**
   * Sets where the group's DMA goes: to the address space that all of its devices use, else nowhere (3.3). A context's
   * spaces that the group is on are looked at again, since the group may have become whole or partial.
   */
  reroute(): void {
    const mates = this.mates();
    for (const mate of mates) {
      for (let space = mate?.inUse; space; space = space.parent) space.refresh();
    }
    const whole = mates.every((mate) => mate && mate.inUse === this.inUse);
    const { group } = this.requester;
    if (!whole || !this.inUse) dma.detach(group, undefined);
    else if (dma.routeOf(this.requester, undefined)) dma.replace(group, undefined, this.inUse.route);
    else dma.attach(group, undefined, this.inUse.route);
  }

  /** Every device of a group goes to the same default address space, at each level of nesting. */
  #agreeWithMates(space: AddressSpace): void {
    for (const mate of this.mates()) {
      if (!mate || mate === this) continue;
      for (let other = mate.inUse; other; other = other.parent) {
        if (other.depth === space.depth && other !== space && other.attachment(mate, undefined)) {
          throw new Errno(
            'EINVAL',
            `${mate.requester.name} of the same group ${this.requester.group.id} is attached to IOASID ${other.id}, not ${space.id}`,
          );
        }
      }
    }
  }
}
