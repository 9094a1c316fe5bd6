/** VFIO_DEVICE_SET_IRQS as it comes in: what is judged before any interrupt is looked at (linux-vfio.md, 5.6). */
import { Errno } from '../../abi/errno.js';
import type { Caller } from '../../kernel/file/open-file.js';

/** Whose descriptors name eventfds. */
export type EventFds = Pick<Caller, 'eventfd'>;

export const IRQ_INDEX = { INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4 } as const;
/** VFIO_PCI_NUM_IRQS. */
export const IRQ_INDICES = 5;

const DATA_NONE = 1;
const DATA_BOOL = 2;
const DATA_EVENTFD = 4;
const DATA_MASK = DATA_NONE | DATA_BOOL | DATA_EVENTFD;
const ACTION_MASK = 8;
const ACTION_UNMASK = 16;
const ACTION_TRIGGER = 32;
const ACTIONS = ACTION_MASK | ACTION_UNMASK | ACTION_TRIGGER;
const HEADER = 20;
const U32_MAX = 0xffff_ffff;

/** The header of struct vfio_irq_set. */
export interface IrqSetHeader {
  readonly argsz: number;
  readonly flags: number;
  readonly index: number;
  readonly start: number;
  readonly count: number;
}

export type IrqAction = 'mask' | 'unmask' | 'trigger';

/** What each interrupt of the range gets. */
export type IrqData =
  | { readonly kind: 'none' }
  | { readonly kind: 'bool'; readonly values: Uint8Array }
  | { readonly kind: 'eventfd'; readonly fds: readonly number[] };

/** One well-formed request. */
export interface IrqRequest {
  readonly index: number;
  readonly start: number;
  readonly count: number;
  readonly data: IrqData;
  /** Undefined: not exactly one action was asked for. */
  readonly action: IrqAction | undefined;
}

/**
 * Judges the header. Returns the bytes of data that follow it.
 * @param available how many interrupts the index has
 * @throws EINVAL
 */
export function checkIrqSet(header: IrqSetHeader, available: (index: number) => number): number {
  const { argsz, flags, index, start, count } = header;
  if (argsz < HEADER) throw new Errno('EINVAL', `argsz ${argsz} is less than the ${HEADER} bytes of the header`);
  if (index >= IRQ_INDICES) throw new Errno('EINVAL', `interrupt index ${index} is not one of 0 to ${IRQ_INDICES - 1}`);
  if (count >= U32_MAX - start) throw new Errno('EINVAL', `start ${start} and count ${count} wrap`);
  if (flags & ~(DATA_MASK | ACTIONS)) throw new Errno('EINVAL', `unknown bits in flags 0x${flags.toString(16)}`);
  const most = available(index);
  if (start >= most || start + count > most) {
    throw new Errno('EINVAL', `interrupt index ${index} has ${most} interrupts, not ${start} and ${count} more`);
  }
  const width = WIDTH[flags & DATA_MASK];
  if (width === undefined) throw new Errno('EINVAL', `flags 0x${flags.toString(16)} are not exactly one kind of data`);
  if (argsz - HEADER < count * width) {
    throw new Errno('EINVAL', `argsz ${argsz} leaves no room for the data of ${count} interrupts`);
  }
  return count * width;
}

/** Bytes of data for each interrupt. */
const WIDTH: Readonly<Record<number, number>> = { [DATA_NONE]: 0, [DATA_BOOL]: 1, [DATA_EVENTFD]: 4 };
const ACTION: Readonly<Record<number, IrqAction>> = {
  [ACTION_MASK]: 'mask',
  [ACTION_UNMASK]: 'unmask',
  [ACTION_TRIGGER]: 'trigger',
};

/** Puts a judged header and its data together. */
export function irqRequest(header: IrqSetHeader, bytes: Uint8Array): IrqRequest {
  const { flags, index, start, count } = header;
  return { index, start, count, data: dataOf(flags, bytes), action: ACTION[flags & ACTIONS] };
}

function dataOf(flags: number, bytes: Uint8Array): IrqData {
  if (flags & DATA_NONE) return { kind: 'none' };
  if (flags & DATA_BOOL) return { kind: 'bool', values: bytes };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return { kind: 'eventfd', fds: Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i, true)) };
}
