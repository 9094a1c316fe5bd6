/**
 * A fault queue: page requests of devices wait here for user space, and for its answers (linux-iommufd.md, 9). Its open file
 * is a user of the object.
 */
import { Errno } from '../../abi/errno.js';
import { IOMMUFD, iommu_hwpt_page_response, iommu_hwpt_pgfault } from '../../abi/iommufd.js';
import type { FileTable } from '../../kernel/file/open-file.js';
import { IommufdObject } from '../objects.js';
import type { Keeper } from './keeper.js';

/** One page that a device asks for. */
export interface PageFault {
  /** IOMMU_PGFAULT_FLAGS_* */
  readonly flags: number;
  readonly pasid: number;
  readonly grpid: number;
  /** IOMMU_PGFAULT_PERM_* */
  readonly perm: number;
  readonly addr: bigint;
}

/** Requests that are answered together. */
export interface FaultGroup {
  /** The attachment that they came through: the group of devices, and the PASID it is known by. */
  readonly source: object;
  readonly pasid: number;
  /** Id of the device. */
  readonly device: number;
  readonly faults: readonly PageFault[];
  /** Called once. @param code IOMMUFD_PAGE_RESP_* */
  readonly respond: (code: number) => void;
}

const RECORD = iommu_hwpt_pgfault.size;
const RESPONSE = iommu_hwpt_page_response.size;

export class FaultQueue extends IommufdObject {
  readonly kind = 'fault queue';
  /** Not yet read. */
  #waiting: FaultGroup[] = [];
  /** Read, not yet answered, by cookie. */
  readonly #unanswered = new Map<number, FaultGroup>();

  /** Queues a group. */
  report(group: FaultGroup): void {
    this.#waiting.push(group);
  }

  get readable(): boolean {
    return this.#waiting.length > 0;
  }

  /** The attachment is gone, or leads elsewhere: what came through it is answered. */
  abandon(source: object, pasid: number): void {
    const gone = (group: FaultGroup): boolean => group.source === source && group.pasid === pasid;
    const waiting = this.#waiting.filter(gone);
    this.#waiting = this.#waiting.filter((group) => !gone(group));
    for (const group of waiting) group.respond(IOMMUFD.IOMMUFD_PAGE_RESP_INVALID);
    for (const [cookie, group] of this.#unanswered) {
      if (!gone(group)) continue;
      this.#unanswered.delete(cookie);
      group.respond(IOMMUFD.IOMMUFD_PAGE_RESP_INVALID);
    }
  }

  /** Gives whole groups of records. Returns bytes. @throws ESPIPE not whole records; EINVAL the first group does not fit */
  read(into: Uint8Array): number {
    if (into.length % RECORD !== 0)
      throw new Errno('ESPIPE', `${into.length} bytes are not whole records of ${RECORD}`);
    let done = 0;
    for (let group = this.#waiting[0]; group; group = this.#waiting[0]) {
      const size = group.faults.length * RECORD;
      if (size > into.length - done) {
        if (done === 0)
          throw new Errno('EINVAL', `the first group has ${size} bytes, and there is room for ${into.length}`);
        break;
      }
      this.#waiting.shift();
      const cookie = this.#cookie();
      this.#unanswered.set(cookie, group);
      for (const fault of group.faults) {
        writeFault(new DataView(into.buffer, into.byteOffset + done, RECORD), fault, group.device, cookie);
        done += RECORD;
      }
    }
    return done;
  }

  /** What was read did not arrive: it waits again, in its place. */
  putBack(records: Uint8Array): void {
    const view = new DataView(records.buffer, records.byteOffset, records.length);
    const groups = new Set<FaultGroup>();
    for (let at = 0; at < records.length; at += RECORD) {
      const cookie = iommu_hwpt_pgfault.get.cookie(view, at);
      const group = this.#unanswered.get(cookie);
      this.#unanswered.delete(cookie);
      if (group) groups.add(group);
    }
    this.#waiting.unshift(...groups);
  }

  /** Takes answers in order. Returns bytes. @throws ESPIPE, EINVAL the first one is wrong */
  write(from: Uint8Array): number {
    if (from.length % RESPONSE !== 0) {
      throw new Errno('ESPIPE', `${from.length} bytes are not whole answers of ${RESPONSE}`);
    }
    const view = new DataView(from.buffer, from.byteOffset, from.length);
    for (let done = 0; done < from.length; done += RESPONSE) {
      const [cookie, code] = [
        iommu_hwpt_page_response.get.cookie(view, done),
        iommu_hwpt_page_response.get.code(view, done),
      ];
      const group = code <= IOMMUFD.IOMMUFD_PAGE_RESP_INVALID ? this.#unanswered.get(cookie) : undefined;
      if (!group) {
        if (done > 0) return done;
        throw new Errno('EINVAL', `answer ${code} to cookie ${cookie}: unknown code, or nothing waits for that cookie`);
      }
      this.#unanswered.delete(cookie);
      group.respond(code);
    }
    return from.length;
  }

  destroy(): void {
    for (const group of [...this.#waiting, ...this.#unanswered.values()]) {
      group.respond(IOMMUFD.IOMMUFD_PAGE_RESP_INVALID);
    }
    this.#waiting = [];
    this.#unanswered.clear();
  }

  /** The lowest that is free, from 1 on. */
  #cookie(): number {
    let cookie = 1;
    while (this.#unanswered.has(cookie)) cookie++;
    return cookie;
  }
}

function writeFault(view: DataView, fault: PageFault, device: number, cookie: number): void {
  const { set } = iommu_hwpt_pgfault;
  set.flags(view, fault.flags);
  set.dev_id(view, device);
  set.pasid(view, fault.pasid);
  set.grpid(view, fault.grpid);
  set.perm(view, fault.perm);
  set.addr(view, fault.addr);
  set.length(view, 0);
  set.cookie(view, cookie);
}

/** The open file of a queue. */
export interface FaultFile {
  readonly queue: FaultQueue;
  readonly keeper: Keeper;
}

export const FAULT_FILE: FileTable<FaultFile> = {
  name: () => 'anon_inode:[iommufd-pgfault]',
  read: ({ queue }, _caller, into) => queue.read(into),
  putBack: ({ queue }, records) => queue.putBack(records),
  immediate: true,
  write: ({ queue }, _caller, from) => queue.write(from),
  poll: ({ queue }) => ({ readable: queue.readable, writable: true }),
  release({ queue, keeper }) {
    queue.users--;
    keeper.put();
  },
};
