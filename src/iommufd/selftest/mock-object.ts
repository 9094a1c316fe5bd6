/** A mock device as user space holds it: destroying it detaches, unbinds and removes the device. */
import { Errno } from '../../abi/errno.js';
import { MockDevice } from '../../iommu/drivers/mock.js';
import type { IommufdContext } from '../context.js';
import { attach } from '../device/attach.js';
import { bind, unbind } from '../device/bind.js';
import type { IommufdDevice } from '../device/device.js';
import { type DmaGroup, NO_PASID } from '../device/group.js';
import { IommufdObject } from '../objects.js';

/** A group with one mock device. */
class MockGroup implements DmaGroup {
  readonly id: number;
  readonly devices: readonly MockDevice[];
  #owner: object | undefined;

  constructor(id: number, device: MockDevice) {
    this.id = id;
    this.devices = [device];
  }

  claim(owner: object): void {
    if (this.#owner && this.#owner !== owner) throw new Errno('EPERM', `group ${this.id} has another owner`);
    this.#owner = owner;
  }

  release(): void {
    this.#owner = undefined;
  }
}

export class MockObject extends IommufdObject {
  readonly kind = 'mock device';
  readonly mock: MockDevice;
  #device: IommufdDevice | undefined;

  constructor(mock: MockDevice) {
    super();
    this.mock = mock;
  }

  get device(): IommufdDevice {
    if (!this.#device) throw new Error('a mock device that is not bound');
    return this.#device;
  }

  /** Binds and attaches it. Returns the id of the table. @throws what binding and attaching answer */
  start(context: IommufdContext, number: number, pageTable: number): number {
    this.#device = bind(context, this.mock, new MockGroup(number, this.mock), {
      isolatedMsi: true,
      holdsContext: false,
    });
    return attach(this.#device, NO_PASID, pageTable);
  }

  destroy(): void {
    if (this.#device) unbind(this.#device);
  }
}

/** A new mock device, bound and attached. @throws EINVAL unknown flags, and what binding and attaching answer */
export function mockDomain(
  context: IommufdContext,
  pageTable: number,
  flags: number,
): { object: MockObject; hwpt: number } {
  const number = context.host.nextMock();
  const { objects } = context;
  const object = objects.reserve(new MockObject(new MockDevice(`iommufd_mock${number}`, flags)));
  try {
    return { hwpt: object.start(context, number, pageTable), object };
  } catch (error) {
    objects.abort(object);
    throw error;
  }
}
