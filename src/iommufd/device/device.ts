/** A device that is bound to a context (linux-iommufd.md, 7). Who bound it holds it: user space cannot destroy it. */
import type { DriverDevice } from '../../iommu/driver.js';
import type { IommufdContext } from '../context.js';
import { IommufdObject } from '../objects.js';
import type { IommufdGroup } from './group.js';

export class IommufdDevice extends IommufdObject {
  readonly kind = 'device';
  readonly context: IommufdContext;
  readonly device: DriverDevice;
  readonly group: IommufdGroup<IommufdDevice>;
  /** Its number in a virtual IOMMU. */
  vdevice: IommufdObject | undefined;
  /** It is about to go: no new vdevice. */
  leaving = false;
  readonly #holdsContext: boolean;

  constructor(
    context: IommufdContext,
    device: DriverDevice,
    group: IommufdGroup<IommufdDevice>,
    holdsContext: boolean,
  ) {
    super();
    this.context = context;
    this.device = device;
    this.group = group;
    this.#holdsContext = holdsContext;
    group.members++;
    if (holdsContext) context.get();
  }

  /** The PASIDs that are attached; NO_PASID among them. */
  get attached(): number[] {
    return [...this.group.attachments].filter(([, { devices }]) => devices.has(this)).map(([pasid]) => pasid);
  }

  destroy(): void {
    this.group.group.release(this.context);
    this.group.members--;
    if (this.#holdsContext) this.context.put();
  }
}
