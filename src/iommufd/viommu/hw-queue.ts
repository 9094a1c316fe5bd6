/**
 * A hardware queue of a virtual IOMMU (linux-iommufd.md, 12): the hardware reads it by physical address, so its pages are
 * pinned, cannot be unmapped, and must follow each other in physical memory.
 */
import { hex, offsetInPage, PAGE_SHIFT, PAGE_SIZE, U64_MAX } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import type { DriverQueue } from '../../iommu/driver.js';
import { pinPages, unpinPages } from '../../iopt/pinned-access.js';
import type { FrameRun } from '../../memory/backing.js';
import { IommufdAccess } from '../access.js';
import type { ObjectTable } from '../objects.js';
import { IommufdObject } from '../objects.js';
import type { Viommu } from './viommu.js';

/** Bytes of a pointer, and of the largest array that Linux allocates (kvmalloc). */
const POINTER = 8n;
const MAX_ARRAY = 0x7fffffffn;

/** Only pages within one huge page are known to be neighbours. */
function isContiguous(frames: readonly FrameRun[], pages: number): boolean {
  const [run] = frames;
  if (!run || run.frames !== pages) return false;
  const span = 2 ** (run.pageShift - PAGE_SHIFT);
  return Math.floor(run.frame / span) === Math.floor((run.frame + pages - 1) / span);
}

export class HwQueue extends IommufdObject {
  readonly kind = 'hardware queue';
  readonly #viommu: Viommu;
  readonly #objects: ObjectTable;
  readonly #access = new IommufdAccess(true);
  readonly #start: bigint;
  readonly #length: bigint;
  #pinned = false;
  #queue: DriverQueue | undefined;
  /** The queue objects by what the driver calls them, to hold the one that this one depends on. */
  readonly #queues: Map<DriverQueue, HwQueue>;

  /** @param iova address in the parent's IOAS; @param length bytes */
  constructor(viommu: Viommu, iova: bigint, length: bigint, queues: Map<DriverQueue, HwQueue>) {
    super();
    this.#viommu = viommu;
    this.#objects = viommu.context.objects;
    const offset = BigInt(offsetInPage(iova));
    this.#start = iova - offset;
    this.#length = ((offset + length + BigInt(PAGE_SIZE) - 1n) >> BigInt(PAGE_SHIFT)) << BigInt(PAGE_SHIFT);
    this.#queues = queues;
    viommu.users++;
  }

  /** Pins its pages, and sets up the hardware. @throws ERANGE, ENOMEM, ENOENT, EFAULT, EADDRINUSE, and what the driver answers */
  start(index: number): void {
    if (this.#length > U64_MAX) throw new Errno('ERANGE', `${hex(this.#length)} bytes are no queue`);
    if ((this.#length >> BigInt(PAGE_SHIFT)) * POINTER > MAX_ARRAY)
      throw new Errno('ENOMEM', `the list of the pages of ${hex(this.#length)} bytes is too large`);
    const { table } = this.#viommu.parent.ioas;
    const access = this.#objects.finalize(this.#objects.reserve(this.#access));
    access.users = 1;
    access.use(this.#viommu.parent.ioas);
    const frames = pinPages(table, this.#start, this.#length, false, true);
    this.#pinned = true;
    if (!isContiguous(frames, Number(this.#length >> BigInt(PAGE_SHIFT)))) {
      throw new Errno('EFAULT', `the pages of ${hex(this.#start)} do not follow each other in physical memory`);
    }
    const queue = this.#viommu.driver.queue?.(index);
    if (!queue) throw new Errno('EOPNOTSUPP', 'the virtual IOMMU has no queues');
    this.#queue = queue;
    this.#queues.set(queue, this);
    const before = queue.dependsOn && this.#queues.get(queue.dependsOn);
    if (before) before.users++;
  }

  destroy(): void {
    if (this.#queue) {
      this.#queue.destroy();
      this.#queues.delete(this.#queue);
      const before = this.#queue.dependsOn && this.#queues.get(this.#queue.dependsOn);
      if (before) before.users--;
    }
    if (this.#pinned) unpinPages(this.#viommu.parent.ioas.table, this.#start, this.#length, true);
    if (this.#access.id !== 0) {
      this.#access.users = 0;
      this.#objects.remove(this.#access);
    }
    this.#viommu.users--;
  }
}
