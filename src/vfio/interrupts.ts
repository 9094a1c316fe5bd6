/**
 * Interrupts of an assigned device, as vfio-pci gives them (drivers/vfio/pci/vfio_pci_intrs.c): MSI-X vectors and the
 * device request, each signalled by an eventfd of the program. INTx and MSI are not offered.
 */
import { hex } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import type { Fields } from '../abi/layout.js';
import { LINUX_VFIO, type vfio_irq_info, vfio_irq_set } from '../abi/vfio.js';
import type { Caller, EventSignal } from '../kernel/open-file.js';
import type { FunctionInterrupts, InterruptSink } from '../pci/interrupts.js';

const INTX = 0;
const MSI = 1;
const MSIX = LINUX_VFIO.VFIO_PCI_MSIX_IRQ_INDEX;
const REQUEST = 4;

const DATA_NONE = LINUX_VFIO.VFIO_IRQ_SET_DATA_NONE;
const DATA_BOOL = LINUX_VFIO.VFIO_IRQ_SET_DATA_BOOL;
const DATA_EVENTFD = LINUX_VFIO.VFIO_IRQ_SET_DATA_EVENTFD;
const TRIGGER = LINUX_VFIO.VFIO_IRQ_SET_ACTION_TRIGGER;
const DATA_MASK = DATA_NONE | DATA_BOOL | DATA_EVENTFD;
const ACTION_MASK = LINUX_VFIO.VFIO_IRQ_SET_ACTION_MASK | LINUX_VFIO.VFIO_IRQ_SET_ACTION_UNMASK | TRIGGER;
/** Bytes of data for each interrupt. */
const WIDTH: Readonly<Record<number, number>> = { [DATA_NONE]: 0, [DATA_BOOL]: 1, [DATA_EVENTFD]: 4 };

/** Exactly one bit of the mask is set. */
const single = (bits: number): boolean => bits !== 0 && (bits & (bits - 1)) === 0;

export class Interrupts {
  readonly #counts: Readonly<Record<number, number>>;
  readonly #signals = new Map<number, (EventSignal | undefined)[]>();
  readonly #function: FunctionInterrupts;
  readonly #sink: InterruptSink = {
    line: () => undefined,
    message: (vector) => this.#signals.get(MSIX)?.[vector]?.signal(),
  };

  /** @param pci the interrupts of the function */
  constructor(pci: FunctionInterrupts) {
    this.#function = pci;
    this.#counts = { [INTX]: 0, [MSI]: 0, [MSIX]: pci.msixVectors, [REQUEST]: 1 };
  }

  /** VFIO_DEVICE_GET_IRQ_INFO. @throws EINVAL */
  info(args: Fields<typeof vfio_irq_info>): number {
    const count = this.#count(args.index);
    const eventfd = LINUX_VFIO.VFIO_IRQ_INFO_EVENTFD | LINUX_VFIO.VFIO_IRQ_INFO_NORESIZE;
    args.flags = count > 0 ? eventfd : LINUX_VFIO.VFIO_IRQ_INFO_EVENTFD;
    args.count = count;
    return 0;
  }

  /** VFIO_DEVICE_SET_IRQS. @throws EINVAL, EFAULT, EBADF, ENOTTY for masking */
  set(caller: Caller, args: Fields<typeof vfio_irq_set>, address: bigint): number {
    const { flags, index, start, count } = args;
    const data = flags & DATA_MASK;
    if (flags & ~(DATA_MASK | ACTION_MASK) || !single(data) || !single(flags & ACTION_MASK)) {
      throw new Errno('EINVAL', `flags ${hex(flags)} are not one kind of data and one action`);
    }
    const most = this.#count(index);
    if (start + count > most || (start >= most && count > 0)) {
      throw new Errno('EINVAL', `interrupt ${index} has ${most} vectors, not ${start} to ${start + count - 1}`);
    }
    const size = count * (WIDTH[data] ?? 0);
    if (args.argsz - vfio_irq_set.size < size)
      throw new Errno('EINVAL', `argsz leaves no room for ${size} bytes of data`);
    if ((flags & TRIGGER) === 0) throw new Errno('ENOTTY', 'masking is not offered');
    const bytes = new Uint8Array(size);
    if (size > 0) caller.mm.copyIn(address + BigInt(vfio_irq_set.size), bytes);
    if (data === DATA_EVENTFD) this.#assign(caller, index, start, new DataView(bytes.buffer), count);
    else if (data === DATA_NONE && count === 0) this.#disable(index);
    else this.#trigger(index, start, count, data === DATA_BOOL ? bytes : undefined);
    return 0;
  }

  /** Asks the user to let the device go. */
  request(): void {
    this.#signals.get(REQUEST)?.[0]?.signal();
  }

  /** The device is unbound or reset by its close: no eventfd is held any more. */
  release(): void {
    for (const index of [...this.#signals.keys()]) this.#disable(index);
  }

  #count(index: number): number {
    const count = this.#counts[index];
    if (count === undefined) throw new Errno('EINVAL', `the device has no interrupt index ${index}`);
    return count;
  }

  /** All descriptors are looked up before any vector changes. */
  #assign(caller: Caller, index: number, start: number, fds: DataView, count: number): void {
    const taken: (EventSignal | undefined)[] = [];
    try {
      for (let i = 0; i < count; i++) {
        const fd = fds.getInt32(i * 4, true);
        if (fd < -1) throw new Errno('EINVAL', `descriptor ${fd}: -1 takes an eventfd away`);
        taken.push(fd === -1 ? undefined : caller.eventfd(fd));
      }
    } catch (error) {
      for (const signal of taken) signal?.close();
      throw error;
    }
    const signals = this.#signals.get(index) ?? [];
    this.#signals.set(index, signals);
    taken.forEach((signal, i) => {
      signals[start + i]?.close();
      signals[start + i] = signal;
    });
    if (index === MSIX) this.#function.use('msix', this.#sink, this.#function.msixVectors);
  }

  #trigger(index: number, start: number, count: number, which: Uint8Array | undefined): void {
    const signals = this.#signals.get(index);
    if (!signals) throw new Errno('EINVAL', `interrupt ${index} is not enabled`);
    for (let i = 0; i < count; i++) if (!which || which[i]) signals[start + i]?.signal();
  }

  #disable(index: number): void {
    for (const signal of this.#signals.get(index) ?? []) signal?.close();
    this.#signals.delete(index);
    if (index === MSIX) this.#function.use('none', undefined);
  }
}
