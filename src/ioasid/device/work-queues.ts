/** The work queues of a context's devices: what a guest's ENQCMD reaches (uapi-ioasid.md, 3.4 and 4). */
import { Errno } from '../../abi/errno.js';
import type { Requester } from '../../iommu/requester.js';
import type { WorkQueues } from '../../kernel/proof.js';
import type { BoundDevice } from './bound-device.js';

/** What the queues need of their context. */
export interface QueueOwner {
  readonly host: { enqueue(requester: Requester, wire: number): boolean };
  /** @throws ENOENT */
  space(id: number): unknown;
  devices(): Iterable<BoundDevice>;
  /** @throws ENOENT */
  deviceByCookie(cookie: bigint): BoundDevice;
}

export class ContextQueues implements WorkQueues {
  readonly #context: QueueOwner;

  constructor(context: QueueOwner) {
    this.#context = context;
  }

  wire(pasid: number, ioasid: number): number | undefined {
    this.#context.space(ioasid);
    for (const { requester, pasidSpaces } of this.#context.devices()) {
      if (requester.capabilities.enqcmd && pasidSpaces.get(pasid)?.id === ioasid) return requester.wire.get(pasid);
    }
    return undefined;
  }

  enqueue(cookie: bigint, wire: number): boolean {
    const { requester } = this.#context.deviceByCookie(cookie);
    if (!requester.capabilities.enqcmd) throw new Errno('EOPNOTSUPP', `${requester.name} takes no ENQCMD`);
    return this.#context.host.enqueue(requester, wire);
  }
}
