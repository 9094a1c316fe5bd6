/** A virtual IOMMU: what a driver offers user space of one IOMMU, over a nesting parent (linux-iommufd.md, 12). */
import { Errno } from '../../abi/errno.js';
import type { DriverDevice, DriverViommu, UserData, ViommuHost } from '../../iommu/driver.js';
import type { IommufdContext } from '../context.js';
import type { IommufdDevice } from '../device/device.js';
import type { HwptPaging } from '../hwpt/hwpt.js';
import { IommufdObject } from '../objects.js';
import type { VeventQueue } from '../queues/vevent-queue.js';

/** A device, by the number that a virtual IOMMU knows it by. */
export class Vdevice extends IommufdObject {
  readonly kind = 'vdevice';
  readonly viommu: Viommu;
  readonly device: IommufdDevice;
  readonly virtId: bigint;

  constructor(viommu: Viommu, device: IommufdDevice, virtId: bigint) {
    super();
    this.viommu = viommu;
    this.device = device;
    this.virtId = virtId;
    viommu.users++;
    device.vdevice = this;
    viommu.vdevices.set(virtId, this);
  }

  destroy(): void {
    this.viommu.vdevices.delete(this.virtId);
    this.viommu.users--;
    this.device.vdevice = undefined;
  }
}

export class Viommu extends IommufdObject implements ViommuHost {
  readonly kind = 'viommu';
  readonly context: IommufdContext;
  readonly parent: HwptPaging;
  /** The IOMMU that it stands for. */
  readonly iommu: object;
  readonly vdevices = new Map<bigint, Vdevice>();
  /** By type. */
  readonly queues = new Map<number, VeventQueue>();
  #driver: DriverViommu | undefined;

  constructor(context: IommufdContext, parent: HwptPaging, device: DriverDevice) {
    super();
    this.context = context;
    this.parent = parent;
    this.iommu = device.iommu;
    parent.users++;
  }

  /** The driver's part. */
  get driver(): DriverViommu {
    if (!this.#driver) throw new Error('a viommu without its driver');
    return this.#driver;
  }

  /** @throws EOPNOTSUPP, EINVAL, EFAULT */
  start(device: DriverDevice, data: UserData | undefined): void {
    this.#driver = device.driver.viommu?.(device, this, data);
    if (!this.#driver) throw new Errno('EOPNOTSUPP', `the IOMMU of ${device.name} offers no virtual IOMMU`);
  }

  device(virtId: bigint): DriverDevice | undefined {
    return this.vdevices.get(virtId)?.device.device;
  }

  virtId(device: DriverDevice): bigint | undefined {
    for (const vdevice of this.vdevices.values()) if (vdevice.device.device === device) return vdevice.virtId;
    return undefined;
  }

  report(type: number, data: Uint8Array): void {
    const queue = this.queues.get(type);
    if (!queue)
      throw new Errno('EOPNOTSUPP', `viommu ${this.id} has no queue for events of type 0x${type.toString(16)}`);
    queue.report(data);
  }

  offerMmap(size: number): { readonly offset: bigint; write(at: number, from: Uint8Array): void } {
    const { offset, memory } = this.context.mmaps.offer(size, this);
    return { offset, write: (at, from) => memory.write(at, from) };
  }

  destroy(): void {
    this.#driver?.destroy();
    this.context.mmaps.withdraw(this);
    this.parent.users--;
  }
}
