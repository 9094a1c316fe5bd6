/**
 * An open /dev/vfio/N (linux-vfio.md, 1 and 2): a group that is in a container, or has an iommufd in its place, and gives
 * descriptors of its devices. An open device holds the group's file while the group is in a container.
 */
import { Errno } from '../abi/errno.js';
import { OpenFile } from '../kernel/file/open-file.js';
import type { AssignedDevice } from '../vfio/assigned-device.js';
import type { DeviceBinding } from '../vfio/binding.js';
import type { CompatIommu } from '../vfio/compat-iommu.js';
import { DeviceFile } from '../vfio/device-file.js';
import type { DeviceFileTable } from '../vfio/file.js';
import type { VfioGroup } from '../vfio/group.js';
import type { Container } from './container.js';

/** What a group is used with. */
type Backend =
  | { readonly kind: 'container'; readonly container: Container; readonly file: OpenFile; users: number }
  | { readonly kind: 'iommufd'; readonly iommu: CompatIommu; readonly file: OpenFile };

export class Group {
  readonly vfio: VfioGroup<AssignedDevice>;
  /** What the files of its devices do. */
  readonly deviceFiles: DeviceFileTable;
  /** This open file: held by the devices that are opened through it. */
  #self: OpenFile | undefined;
  #backend: Backend | undefined;
  /** The open files of its devices. All who open a device share one, so that their mappings show the same memory. */
  readonly #files = new Map<AssignedDevice, OpenFile>();

  constructor(vfio: VfioGroup<AssignedDevice>, deviceFiles: DeviceFileTable) {
    this.vfio = vfio;
    this.deviceFiles = deviceFiles;
  }

  /** The open file is there now. */
  opened(file: OpenFile): void {
    this.#self = file;
  }

  /** It is in a container, or has an iommufd. */
  get hasBackend(): boolean {
    return this.#backend !== undefined;
  }

  /** @throws ENODEV the group's last device is gone */
  requireDevices(): void {
    if (this.vfio.devices.size === 0) throw new Errno('ENODEV', `group ${this.vfio.iommu.id} has no device any more`);
  }

  /** SET_CONTAINER with a container. @throws EINVAL it has one; what joining says */
  setContainer(container: Container, file: OpenFile): void {
    this.requireUnset();
    this.requireDevices();
    container.join(this.vfio.iommu);
    this.#backend = { kind: 'container', container, file: file.get(), users: 0 };
  }

  /** SET_CONTAINER with an iommufd. @throws EINVAL it has one; what making the address space says */
  setIommufd(iommu: CompatIommu, file: OpenFile): void {
    this.requireUnset();
    this.requireDevices();
    iommu.prepare();
    this.#backend = { kind: 'iommufd', iommu, file: file.get() };
  }

  /** @throws EINVAL it is in a container, or has an iommufd */
  requireUnset(): void {
    if (this.#backend) throw new Errno('EINVAL', `group ${this.vfio.iommu.id} is in a container already`);
  }

  /** UNSET_CONTAINER. @throws EINVAL there is none; EBUSY a device is open through it */
  unsetContainer(): void {
    const backend = this.#backend;
    if (!backend) throw new Errno('EINVAL', `group ${this.vfio.iommu.id} is in no container`);
    if (backend.kind === 'container' && backend.users > 0) {
      throw new Errno('EBUSY', `${backend.users} devices of group ${this.vfio.iommu.id} are open`);
    }
    this.#leave(backend);
  }

  #leave(backend: Backend): void {
    this.#backend = undefined;
    if (backend.kind === 'container') backend.container.leave(this.vfio.iommu);
    backend.file.put();
  }

  /**
   * An open file of a device, or one more reference to it.
   * @throws EINVAL no container, or one without IOMMU driver; ENODEV the device goes; what an iommufd says
   */
  openDevice(device: AssignedDevice): OpenFile {
    const backend = this.#backend;
    if (!backend) throw new Errno('EINVAL', `group ${this.vfio.iommu.id} is in no container`);
    device.requireThere();
    const known = this.#files.get(device);
    if (known) return known.get();
    const file = new DeviceFile(device, 'group');
    file.bind(this.#bindingOf(device, backend));
    const open = new OpenFile(file, this.deviceFiles);
    this.#files.set(device, open);
    return open;
  }

  /** Takes what an open device needs: the right to do DMA through the container or iommufd. */
  #bindingOf(device: AssignedDevice, backend: Backend): DeviceBinding {
    if (backend.kind === 'iommufd') {
      const close = backend.iommu.open(device);
      backend.file.get();
      const release = () => {
        this.#files.delete(device);
        close();
        backend.file.put();
      };
      return { owner: backend.iommu, busMaster: false, release };
    }
    void backend.container.type1;
    backend.users++;
    const self = this.#self?.get();
    const release = () => {
      this.#files.delete(device);
      backend.users--;
      self?.put();
    };
    return { owner: backend.container, busMaster: false, release };
  }

  /** The device of that name. @throws ENODEV */
  device(name: string): AssignedDevice {
    for (const device of this.vfio.devices) if (device.requester.name === name) return device;
    throw new Errno('ENODEV', `group ${this.vfio.iommu.id} has no device '${name}'`);
  }

  /** The last close: the group leaves its container, and may be opened again. */
  release(): void {
    if (this.#backend) this.#leave(this.#backend);
    this.vfio.give();
  }
}
