/** The virtual IOMMU of the mock IOMMU: invalidation of device caches, two hardware queues, a page that can be mapped. */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD } from '../../abi/iommufd.js';
import { iommu_viommu_invalidate_selftest, iommu_viommu_selftest, IOMMUFD_TEST as T } from '../../abi/iommufd-test.js';
import type {
  DriverNested,
  DriverQueue,
  DriverViommu,
  Invalidated,
  UserArray,
  UserData,
  ViommuHost,
} from '../driver.js';

/** Bytes that can be mapped. */
const MMAP_SIZE = 8192;

type MakeNested = (data: UserData, viommu: MockViommu) => DriverNested;

export class MockViommu implements DriverViommu {
  readonly host: ViommuHost;
  readonly #makeNested: MakeNested;
  readonly #queues: (DriverQueue | undefined)[] = [];

  /** @throws EINVAL, EFAULT */
  constructor(host: ViommuHost, data: UserData | undefined, makeNested: MakeNested) {
    this.host = host;
    this.#makeNested = makeNested;
    if (!data) return;
    const { offset, size, get, set } = iommu_viommu_selftest;
    if (data.type !== T.IOMMU_VIOMMU_TYPE_SELFTEST) throw new Errno('EINVAL', `unknown data type ${data.type}`);
    const view = data.read(offset.out_mmap_offset, size);
    const memory = host.offerMmap(MMAP_SIZE);
    const word = new DataView(new ArrayBuffer(4));
    word.setUint32(0, get.in_data(view), true);
    memory.write(0, new Uint8Array(word.buffer));
    set.out_data(view, get.in_data(view));
    set.out_mmap_length(view, BigInt(MMAP_SIZE));
    set.out_mmap_offset(view, memory.offset);
    data.write(view);
  }

  readonly nested = (flags: number, data: UserData): DriverNested => {
    if (flags & ~IOMMUFD.IOMMU_HWPT_ALLOC_PASID) {
      throw new Errno('EOPNOTSUPP', `the mock virtual IOMMU knows no flags 0x${flags.toString(16)}`);
    }
    return this.#makeNested(data, this);
  };

  /** All entries are read before the first is done. */
  invalidate(array: UserArray): Invalidated {
    const { size, get } = iommu_viommu_invalidate_selftest;
    let done = 0;
    try {
      if (array.type !== T.IOMMU_VIOMMU_INVALIDATE_DATA_SELFTEST) {
        throw new Errno('EINVAL', `unknown invalidation type 0x${array.type.toString(16)}`);
      }
      const entries = Array.from({ length: array.entries }, (_, index) => array.readPadded(index, size));
      for (const entry of entries) {
        const flags = get.flags(entry);
        if (flags & ~T.IOMMU_TEST_INVALIDATE_FLAG_ALL) throw new Errno('EOPNOTSUPP', `unknown flags in entry ${done}`);
        const index = get.cache_id(entry);
        if (index >= T.MOCK_DEV_CACHE_NUM) throw new Errno('EINVAL', `cache entry ${index} does not exist`);
        const device = this.host.device(BigInt(get.vdev_id(entry)));
        const cache = device && 'cache' in device && device.cache instanceof Uint32Array ? device.cache : undefined;
        if (!cache) throw new Errno('EINVAL', `there is no vdevice ${get.vdev_id(entry)}`);
        if (flags & T.IOMMU_TEST_INVALIDATE_FLAG_ALL) cache.fill(0);
        else cache[index] = 0;
        done++;
      }
    } catch (error) {
      if (error instanceof Errno) return { done, error };
      throw error;
    }
    return { done };
  }

  hasQueue(type: number): boolean {
    return type === T.IOMMU_HW_QUEUE_TYPE_SELFTEST;
  }

  /** Queue n needs queue n-1. */
  queue(index: number): DriverQueue {
    if (index >= T.IOMMU_TEST_HW_QUEUE_MAX) throw new Errno('EINVAL', `queue ${index} does not exist`);
    if (this.#queues[index]) throw new Errno('EEXIST', `queue ${index} is in use`);
    const before = this.#queues[index - 1];
    if (index > 0 && !before) throw new Errno('EIO', `queue ${index} needs queue ${index - 1}`);
    const queue: DriverQueue = { dependsOn: before, destroy: () => void this.#queues.splice(index, 1, undefined) };
    this.#queues[index] = queue;
    return queue;
  }

  destroy(): void {
    this.#queues.length = 0;
  }
}
