/** What the edu device keeps and does: its registers, whoever accesses them, the factorial, interrupts, the DMA engine. */
import { PLAIN } from '../../iommu/dma.js';
import type { DeviceSlot } from '../../pci/model.js';
import { BUFFER, COMMAND, DMA_MASK, EDU, REASON, STATUS, VERSION } from './registers.js';

/** How long a transfer takes, milliseconds. */
const TRANSFER_TIME = 100;
/** From 34 on a factorial has 32 factors of two: its lowest 32 bits are zero. */
const LAST_FACTORIAL = 33;

export class EduState {
  readonly #slot: DeviceSlot;
  readonly #ended: () => void;
  readonly #buffer = new Uint8Array(BUFFER.SIZE);
  #liveness = 0n;
  #factorial = 0n;
  #status = 0;
  #reasons = 0;
  #source = 0n;
  #destination = 0n;
  #count = 0n;
  #command = 0n;
  /** Ends the wait for a transfer that was started. */
  #cancel: (() => void) | undefined;
  /** A transfer has come to its end. */
  #due = false;

  /** @param ended told when a transfer has come to its end: step() is due */
  constructor(slot: DeviceSlot, ended: () => void) {
    this.#slot = slot;
    this.#ended = ended;
  }

  reset(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#due = false;
    this.#liveness = this.#factorial = this.#source = this.#destination = this.#count = this.#command = 0n;
    this.#status = this.#reasons = 0;
    this.#buffer.fill(0);
    this.#slot.line(false);
  }

  /** Reads a register. @returns undefined: there is none to be read */
  read(offset: number): bigint | undefined {
    switch (offset) {
      case EDU.IDENTIFICATION:
        return BigInt(VERSION);
      case EDU.LIVENESS:
        return this.#liveness;
      case EDU.FACTORIAL:
        return this.#factorial;
      case EDU.STATUS:
        return BigInt(this.#status);
      case EDU.INTERRUPT_STATUS:
        return BigInt(this.#reasons);
      case EDU.DMA_SOURCE:
        return this.#source;
      case EDU.DMA_DESTINATION:
        return this.#destination;
      case EDU.DMA_COUNT:
        return this.#count;
      case EDU.DMA_COMMAND:
        return this.#command;
    }
    return undefined;
  }

  /** Writes a register. A number that is computed, and a transfer under way, are left alone. */
  write(offset: number, value: bigint): void {
    const word = Number(BigInt.asUintN(32, value));
    const running = (this.#command & COMMAND.RUN) !== 0n;
    switch (offset) {
      case EDU.LIVENESS:
        this.#liveness = BigInt(~word >>> 0);
        break;
      case EDU.FACTORIAL:
        if (this.#status & STATUS.COMPUTING) break;
        this.#factorial = BigInt(word);
        this.#status |= STATUS.COMPUTING;
        break;
      case EDU.STATUS:
        this.#status = (this.#status & STATUS.COMPUTING) | (word & STATUS.INTERRUPT_AFTER_FACTORIAL);
        break;
      case EDU.INTERRUPT_RAISE:
        this.#raise(word);
        break;
      case EDU.INTERRUPT_ACKNOWLEDGE:
        this.#reasons = (this.#reasons & ~word) >>> 0;
        this.#slot.line(this.#reasons !== 0);
        break;
      case EDU.DMA_SOURCE:
        if (!running) this.#source = value;
        break;
      case EDU.DMA_DESTINATION:
        if (!running) this.#destination = value;
        break;
      case EDU.DMA_COUNT:
        if (!running) this.#count = value;
        break;
      case EDU.DMA_COMMAND:
        if (running || (value & COMMAND.RUN) === 0n) break;
        this.#command = value;
        this.#cancel = this.#slot.schedule(TRANSFER_TIME, () => {
          this.#due = true;
          this.#ended();
        });
        break;
    }
  }

  /** Does what there is to do. Returns false if there was nothing. */
  step(): boolean {
    const computing = (this.#status & STATUS.COMPUTING) !== 0;
    if (computing) this.#compute();
    if (!this.#due) return computing;
    this.#due = false;
    this.#cancel = undefined;
    this.#transfer();
    return true;
  }

  #compute(): void {
    const number = Number(this.#factorial);
    let result = number > LAST_FACTORIAL ? 0n : 1n;
    for (let factor = 2; factor <= number && result !== 0n; factor++) result *= BigInt(factor);
    this.#factorial = BigInt.asUintN(32, result);
    this.#status &= ~STATUS.COMPUTING;
    if (this.#status & STATUS.INTERRUPT_AFTER_FACTORIAL) this.#raise(REASON.FACTORIAL);
  }

  /** Moves between memory and the buffer. What does not lie inside the buffer is not moved. */
  #transfer(): void {
    const out = (this.#command & COMMAND.FROM_DEVICE) !== 0n;
    const at = (out ? this.#source : this.#destination) - BUFFER.ADDRESS;
    if (at >= 0n && at + this.#count <= BigInt(BUFFER.SIZE)) {
      const bytes = this.#buffer.subarray(Number(at), Number(at + this.#count));
      const address = (out ? this.#destination : this.#source) & DMA_MASK;
      if (out) this.#slot.dma.write(address, bytes, PLAIN);
      else this.#slot.dma.read(address, bytes, PLAIN);
    }
    this.#command &= ~COMMAND.RUN;
    if (this.#command & COMMAND.INTERRUPT) this.#raise(REASON.DMA);
  }

  /** Sets bits of the interrupt status: the pin is asserted as long as one is set, and a message is sent. */
  #raise(bits: number): void {
    this.#reasons = (this.#reasons | bits) >>> 0;
    if (this.#reasons === 0) return;
    this.#slot.line(true);
    this.#slot.interrupt(0);
  }
}
