/**
 * The interrupts of an open device (linux-vfio.md, 5.5 and 5.6): INTx, MSI or MSI-X, of which one can be active, and
 * beside them errors and the request to let the device go.
 */
import { Errno } from '../../abi/errno.js';
import { IntxIrq } from './intx.js';
import { MessageIrqs } from './message-irqs.js';
import { type EventFds, IRQ_INDEX, IRQ_INDICES, type IrqRequest } from './request.js';
import { SingleIrq } from './single.js';

/** VFIO_IRQ_INFO_*. */
const EVENTFD = 1;
const MASKABLE = 2;
const AUTOMASKED = 4;
const NORESIZE = 8;

/** What the function has. */
export interface IrqFacts {
  /** Pin of its line as the user sees it, 1 to 4; 0: none. */
  readonly pin: number;
  /** Messages it can send, a power of two up to 32; 0: no MSI capability. */
  readonly msi: number;
  /** Size of its MSI-X table; 0: no MSI-X capability. */
  readonly msix: number;
  /** MSI-X vectors can be added while it is enabled. */
  readonly dynamic: boolean;
  /** It has a PCI Express capability. */
  readonly express: boolean;
}

export class Interrupts {
  readonly intx = new IntxIrq();
  readonly error = new SingleIrq();
  readonly request = new SingleIrq();
  readonly msi: MessageIrqs;
  readonly msix: MessageIrqs;
  readonly #facts: IrqFacts;

  constructor(facts: IrqFacts) {
    this.#facts = facts;
    this.msi = new MessageIrqs('MSI', false);
    this.msix = new MessageIrqs('MSI-X', facts.dynamic);
  }

  /** How many interrupts an index has. */
  count(index: number): number {
    const { pin, msi, msix, express } = this.#facts;
    return [pin > 0 ? 1 : 0, msi, msix, express ? 1 : 0, 1][index] ?? 0;
  }

  /** VFIO_DEVICE_GET_IRQ_INFO. @throws EINVAL no such index; ERR of a device that is not PCI Express */
  info(index: number): { flags: number; count: number } {
    if (index >= IRQ_INDICES)
      throw new Errno('EINVAL', `interrupt index ${index} is not one of 0 to ${IRQ_INDICES - 1}`);
    if (index === IRQ_INDEX.ERR && !this.#facts.express) {
      throw new Errno('EINVAL', 'a function without PCI Express capability reports no errors');
    }
    const count = this.count(index);
    if (index === IRQ_INDEX.INTX) return { flags: EVENTFD | MASKABLE | AUTOMASKED, count };
    const resizable = index === IRQ_INDEX.MSIX && this.#facts.dynamic;
    return { flags: resizable ? EVENTFD : EVENTFD | NORESIZE, count };
  }

  /** VFIO_DEVICE_SET_IRQS of a judged request. @throws EINVAL, ENOTTY, EBADF, EBUSY, ERANGE */
  set(caller: EventFds, request: IrqRequest): void {
    const { index, action } = request;
    const lineOnly = action === 'mask' || action === 'unmask';
    if (action === undefined || (lineOnly && index !== IRQ_INDEX.INTX)) {
      throw new Errno('ENOTTY', `interrupt index ${index} takes exactly one of TRIGGER and, for INTx, MASK or UNMASK`);
    }
    if (index === IRQ_INDEX.ERR) this.error.trigger(caller, request);
    else if (index === IRQ_INDEX.REQ) this.request.trigger(caller, request);
    else if (index !== IRQ_INDEX.INTX)
      this.#setMessages(caller, index === IRQ_INDEX.MSI ? this.msi : this.msix, request);
    else if (action === 'mask') this.intx.mask(request);
    else if (action === 'unmask') this.intx.unmaskRequest(caller, request);
    else {
      this.#alone(this.intx);
      this.intx.trigger(caller, request);
    }
  }

  #setMessages(caller: EventFds, messages: MessageIrqs, request: IrqRequest): void {
    const { data, count } = request;
    if (messages.active && count === 0 && data.kind === 'none') {
      messages.disable();
      return;
    }
    this.#alone(messages);
    if (data.kind === 'eventfd') {
      if (messages.active) messages.wire(caller, request);
      else messages.enable(caller, request);
    } else if (messages.active) messages.loopback(request);
    else throw new Errno('EINVAL', 'the kind of interrupt is not enabled');
  }

  #alone(kind: IntxIrq | MessageIrqs): void {
    for (const other of [this.intx, this.msi, this.msix]) {
      if (other !== kind && other.active)
        throw new Errno('EINVAL', 'another kind of interrupt is enabled: disable it first');
    }
  }

  /** Last close: no eventfd is held any more. */
  release(): void {
    for (const it of [this.intx, this.msi, this.msix]) it.disable();
    this.error.release();
    this.request.release();
  }
}
