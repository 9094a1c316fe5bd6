/** Page requests of devices, and the user's answers (uapi-ioasid.md, 2.3). One a fault fd. */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { EVENT, FAULT } from '../abi/ioasid.js';
import { ioasid_fault } from '../abi/ioasid-structs.js';
import type { PageRequest } from '../iommu/domain.js';
import { RecordStream } from '../kernel/record-stream.js';
import type { AddressSpace } from './address-space.js';
import type { IoasidContext } from './context.js';

/** Requests that are answered together. */
interface Group {
  readonly cookie: bigint;
  readonly requests: readonly PageRequest[];
  readonly cancelTimer: () => void;
}

export class Faults {
  readonly stream: RecordStream;
  readonly #context: IoasidContext;
  readonly #space: AddressSpace;
  readonly #groups = new Map<number, Group>();
  #nextGroup = 1;

  constructor(context: IoasidContext, space: AddressSpace) {
    this.#context = context;
    this.#space = space;
    this.stream = new RecordStream(
      'anon_inode:ioasid-fault',
      () => this.#record({ code: FAULT.IOASID_FAULT_CODE_LOST }),
      () => this.close(),
    );
  }

  /** Queues one request as a group of its own. Returns false if nobody will answer. */
  request(request: PageRequest): boolean {
    return this.requestGroup([request]);
  }

  /**
   * Queues requests of one device that one answer settles: they have one grpid, and the last is marked.
   * Returns false if not all could be queued; none is waited for then.
   */
  requestGroup(requests: readonly PageRequest[]): boolean {
    const [first] = requests;
    const device = first && this.#context.device(first.who);
    if (!device) return false;
    const grpid = this.#nextGroup++;
    const queued = requests.every(({ pasid, address, write }, i) =>
      this.stream.post(
        this.#record({
          flags:
            (pasid === undefined ? 0 : FAULT.IOASID_FAULT_PASID) |
            (i === requests.length - 1 ? FAULT.IOASID_FAULT_LAST_PAGE : 0),
          pasid: pasid ?? 0,
          cookie: device.cookie,
          addr: address,
          perm: write ? FAULT.IOASID_FAULT_WRITE : FAULT.IOASID_FAULT_READ,
          grpid,
        }),
      ),
    );
    if (!queued) return false;
    const cancelTimer = this.#context.host.timers.schedule(this.#context.host.faultTimeout, () => {
      this.#context.emit(EVENT.IOASID_EVENT_FAULT_TIMEOUT, this.#space.id, device.cookie);
      this.#settle(grpid, false);
    });
    this.#groups.set(grpid, { cookie: device.cookie, requests, cancelTimer });
    return true;
  }

  /**
   * PAGE_RESPONSE.
   * @param pasid undefined: not given
   * @throws ENOENT nothing is pending under these
   */
  respond(grpid: number, cookie: bigint, pasid: number | undefined, code: number): void {
    const group = this.#groups.get(grpid);
    if (!group || group.cookie !== cookie || (pasid !== undefined && group.requests[0]?.pasid !== pasid)) {
      throw new Errno('ENOENT', `IOASID ${this.#space.id} has no pending fault ${grpid} of device ${hex(cookie)}`);
    }
    this.#settle(grpid, code === FAULT.IOASID_PAGE_RESP_SUCCESS);
  }

  /** The device is detached or gone: what it asked for is aborted. */
  abort(cookie: bigint): void {
    for (const [grpid, group] of [...this.#groups]) if (group.cookie === cookie) this.#settle(grpid, false);
  }

  /** The last close of the fault fd: nobody will answer. */
  close(): void {
    if (this.#space.faults === this) this.#space.faults = undefined;
    for (const grpid of [...this.#groups.keys()]) this.#settle(grpid, false);
  }

  #settle(grpid: number, again: boolean): void {
    const group = this.#groups.get(grpid);
    if (!group) return;
    this.#groups.delete(grpid);
    group.cancelTimer();
    for (const { resume } of group.requests) resume(again);
  }

  #record(fields: {
    flags?: number;
    pasid?: number;
    cookie?: bigint;
    addr?: bigint;
    perm?: number;
    grpid?: number;
    code?: number;
  }) {
    const view = new DataView(new ArrayBuffer(ioasid_fault.size));
    const { set } = ioasid_fault;
    set.argsz(view, ioasid_fault.size);
    set.flags(view, fields.flags ?? 0);
    set.ioasid(view, this.#space.id);
    set.pasid(view, fields.pasid ?? 0);
    set.cookie(view, fields.cookie ?? 0n);
    set.addr(view, fields.addr ?? 0n);
    set.perm(view, fields.perm ?? 0);
    set.grpid(view, fields.grpid ?? 0);
    set.code(view, fields.code ?? FAULT.IOASID_FAULT_CODE_REQUEST);
    return new Uint8Array(view.buffer);
  }
}
