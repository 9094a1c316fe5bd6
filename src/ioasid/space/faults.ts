/** Page requests of devices, and the user's answers (uapi-ioasid.md, 2.3). One a fault fd. */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { EVENT, FAULT } from '../../abi/ioasid/constants.js';
import { ioasid_fault } from '../../abi/ioasid/structs.js';
import type { DmaSource } from '../../iommu/domain.js';
import type { PageRequestGroup, PageRequestSink, PageResponse } from '../../iommu/page-request.js';
import { RecordStream } from '../../kernel/file/record-stream.js';
import type { AttachedDevice } from './attachment.js';

/** A group that waits for its answer. */
interface Pending {
  readonly device: AttachedDevice;
  readonly group: PageRequestGroup;
  readonly cancelTimer: () => void;
}

/** What a fault fd needs of its address space and context. */
export interface FaultOwner {
  readonly ioasid: number;
  /** The bound device of a requester. */
  device(who: DmaSource): AttachedDevice | undefined;
  /** Is the device attached to the address space by this PASID? */
  attached(device: AttachedDevice, pasid: number): boolean;
  /** Calls back when a device has waited for too long; returns what cancels it. */
  schedule(act: () => void): () => void;
  /** Tells the context's listeners of an event. */
  emit(type: number, ioasid: number, cookie: bigint): void;
  /** The last close of the fault fd. */
  closed(): void;
}

/** By IOASID_PAGE_RESP_*. */
const RESPONSE: readonly PageResponse[] = ['success', 'invalid', 'failure'];

export class Faults implements PageRequestSink {
  readonly stream: RecordStream;
  readonly #owner: FaultOwner;
  readonly #pending = new Map<number, Pending>();
  #nextGroup = 1;

  constructor(owner: FaultOwner) {
    this.#owner = owner;
    this.stream = new RecordStream(
      'anon_inode:ioasid-fault',
      () => this.#record({ code: FAULT.IOASID_FAULT_CODE_LOST }),
      () => this.close(),
    );
  }

  /** Queues the requests of a group: they have one grpid, the last is marked. One that does not fit is refused whole. */
  deliver(group: PageRequestGroup): boolean {
    const device = this.#owner.device(group.who);
    if (!device || !this.stream.fits(group.requests.length)) return false;
    const grpid = this.#nextGroup++;
    const { pasid, requests } = group;
    requests.forEach(({ address, write }, i) => {
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
      );
    });
    const cancelTimer = this.#owner.schedule(() => {
      this.#owner.emit(EVENT.IOASID_EVENT_FAULT_TIMEOUT, this.#owner.ioasid, device.cookie);
      this.#settle(grpid, 'failure');
    });
    this.#pending.set(grpid, { device, group, cancelTimer });
    return true;
  }

  /**
   * PAGE_RESPONSE.
   * @param pasid undefined: not given
   * @throws ENOENT nothing is pending under these
   */
  respond(grpid: number, cookie: bigint, pasid: number | undefined, code: number): void {
    const pending = this.#pending.get(grpid);
    if (!pending || pending.device.cookie !== cookie || (pasid !== undefined && pending.group.pasid !== pasid)) {
      throw new Errno('ENOENT', `IOASID ${this.#owner.ioasid} has no pending fault ${grpid} of device ${hex(cookie)}`);
    }
    this.#settle(grpid, RESPONSE[code] ?? 'failure');
  }

  /** A PASID is detached: what was asked for with it is aborted. */
  abort(who: DmaSource, pasid: number): void {
    for (const [grpid, { group }] of [...this.#pending]) {
      if (group.who === who && group.pasid === pasid) this.#settle(grpid, 'failure');
    }
  }

  /** A default attachment is gone: what came by it is aborted, and nothing that came by a PASID that is still attached. */
  abortUnattached(device: AttachedDevice): void {
    for (const [grpid, { device: asked, group }] of [...this.#pending]) {
      const attached = group.pasid !== undefined && this.#owner.attached(device, group.pasid);
      if (asked === device && !attached) this.#settle(grpid, 'failure');
    }
  }

  /** The last close of the fault fd: nobody will answer. */
  close(): void {
    this.#owner.closed();
    for (const grpid of [...this.#pending.keys()]) this.#settle(grpid, 'failure');
  }

  #settle(grpid: number, response: PageResponse): void {
    const pending = this.#pending.get(grpid);
    if (!pending) return;
    this.#pending.delete(grpid);
    pending.cancelTimer();
    pending.group.respond(response);
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
    set.ioasid(view, this.#owner.ioasid);
    set.pasid(view, fields.pasid ?? 0);
    set.cookie(view, fields.cookie ?? 0n);
    set.addr(view, fields.addr ?? 0n);
    set.perm(view, fields.perm ?? 0);
    set.grpid(view, fields.grpid ?? 0);
    set.code(view, fields.code ?? FAULT.IOASID_FAULT_CODE_REQUEST);
    return new Uint8Array(view.buffer);
  }
}
