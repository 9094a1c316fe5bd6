/**
 * How a function interrupts: a level on a pin (INTx), or messages (MSI, MSI-X). One of them is in use at a time, chosen by
 * the driver of the function; what the driver does with an interrupt is its own affair (PCI 3.0, 2.2.6 and 6.8).
 */
import { type ConfigSpace, PCI_COMMAND, PCI_CONFIG, PCI_STATUS } from './config/config-space.js';
import { CAPABILITY, MSI, MSIX } from './config/standard-capabilities.js';

export type InterruptMode = 'none' | 'intx' | 'msi' | 'msix';

/** Who receives the interrupts of a function: the driver it is assigned to. */
export interface InterruptSink {
  /** The pin is asserted, or not any more. */
  line(asserted: boolean): void;
  /** A message of the mode in use. Returns false if nobody wants it. */
  message(vector: number): boolean;
  /** A vector of the mode in use has an interrupt of the host. Not given: none has. */
  isAllocated?(vector: number): boolean;
}

export class FunctionInterrupts {
  readonly #config: ConfigSpace;
  readonly #changed: () => void;
  /** Told of a message that nobody receives. */
  lost: ((vector: number) => void) | undefined;
  /** Whoever tests the driver may deliver a message late, or never; not given: at once. */
  disturb: ((deliver: () => void) => void) | undefined;
  #mode: InterruptMode = 'none';
  #vectors = 0;
  #sink: InterruptSink | undefined;
  #asserted = false;
  /** The level that the sink was told last. */
  #told = false;
  /** Messages that a mask holds back, by vector. */
  readonly #pending = new Set<number>();

  /** @param changed the driver has chosen another mode, or other vectors */
  constructor(config: ConfigSpace, changed: () => void) {
    this.#config = config;
    this.#changed = changed;
  }

  /** 1: the function has an INTx pin. */
  get pins(): 0 | 1 {
    return this.#config.get8(PCI_CONFIG.INTERRUPT_PIN) === 0 ? 0 : 1;
  }

  /** Messages that the function can ask for: 0, or a power of two to 32. */
  get msiVectors(): number {
    const at = this.#config.find(CAPABILITY.MSI);
    return at === undefined ? 0 : 1 << ((this.#config.get16(at + MSI.CONTROL) >> 1) & 7);
  }

  /** Entries of the MSI-X table; 0: the function has none. */
  get msixVectors(): number {
    const at = this.#config.find(CAPABILITY.MSIX);
    return at === undefined ? 0 : (this.#config.get16(at + MSIX.CONTROL) & 0x7ff) + 1;
  }

  /** Does the driver have an interrupt of the host for this message? */
  isAllocated(vector: number): boolean {
    return this.#mode.startsWith('msi') && this.#sink?.isAllocated?.(vector) === true;
  }

  get mode(): InterruptMode {
    return this.#mode;
  }

  /**
   * The driver chooses how it is interrupted; the enable bits of the capabilities follow.
   * @param vectors messages that it has handlers for: a power of two for MSI
   */
  use(mode: InterruptMode, sink: InterruptSink | undefined, vectors = 0): void {
    this.#mode = mode;
    this.#sink = sink;
    this.#vectors = vectors;
    this.#enable();
    this.#changed();
  }

  /** Brings the registers in line with what the driver chose. */
  #enable(): void {
    this.#pending.clear();
    this.#told = false;
    const [msi, msix] = [this.#config.find(CAPABILITY.MSI), this.#config.find(CAPABILITY.MSIX)];
    if (msi !== undefined) {
      const enabled = this.#mode === 'msi' ? MSI.ENABLE | (Math.log2(Math.max(this.#vectors, 1)) << 4) : 0;
      this.#config.set16(msi + MSI.CONTROL, (this.#config.get16(msi + MSI.CONTROL) & ~0x71) | enabled);
    }
    if (msix !== undefined) {
      const { ENABLE, FUNCTION_MASK } = MSIX;
      const control = this.#config.get16(msix + MSIX.CONTROL) & ~(ENABLE | FUNCTION_MASK);
      this.#config.set16(msix + MSIX.CONTROL, control | (this.#mode === 'msix' ? ENABLE : 0));
    }
    this.refresh();
  }

  /**
   * The function has an event for a vector. With fewer messages than vectors they share (PCI 3.0, 6.8.1.3).
   * @param asked the driver asked for it: it is lost if no interrupts are enabled
   */
  message(vector: number, asked = true): void {
    // A message is a memory write of the function.
    if (!this.#busMaster) return;
    if (this.#mode === 'msix') this.#deliver(vector);
    else if (this.#mode === 'msi') {
      const shared = vector & (this.#vectors - 1);
      if (this.#msiMask & (1 << shared)) this.#hold(shared);
      else this.#deliver(shared);
    } else if (this.#mode === 'none' && asked) this.lost?.(vector);
  }

  #deliver(vector: number): void {
    const sink = this.#sink;
    const deliver = (): void => {
      if (!sink?.message(vector)) this.lost?.(vector);
    };
    if (this.disturb) this.disturb(deliver);
    else deliver();
  }

  /** The level of the function's pin: asserted as long as it has something to tell. */
  line(asserted: boolean): void {
    this.#asserted = asserted;
    this.refresh();
  }

  /** The level as the status register shows it. */
  get asserted(): boolean {
    return this.#asserted;
  }

  /** Registers that gate interrupts may have changed. */
  refresh(): void {
    const config = this.#config;
    const status = config.get16(PCI_CONFIG.STATUS) & ~PCI_STATUS.INTERRUPT;
    config.set16(PCI_CONFIG.STATUS, status | (this.#asserted && this.pins > 0 ? PCI_STATUS.INTERRUPT : 0));
    if (this.#mode === 'intx') {
      const level = this.#asserted && (config.get16(PCI_CONFIG.COMMAND) & PCI_COMMAND.INTX_DISABLE) === 0;
      if (level !== this.#told) {
        this.#told = level;
        this.#sink?.line(level);
      }
    }
    if (this.#mode === 'msi' && this.#pending.size > 0) this.#release();
  }

  /** The function is reset: nothing is asserted or held back. What the driver chose stays. */
  reset(): void {
    this.#asserted = false;
    this.#enable();
  }

  get #busMaster(): boolean {
    return (this.#config.get16(PCI_CONFIG.COMMAND) & PCI_COMMAND.BUS_MASTER) !== 0;
  }

  get #msiMask(): number {
    const at = this.#config.find(CAPABILITY.MSI);
    return at === undefined ? 0 : this.#config.get32(at + MSI.MASK);
  }

  #hold(vector: number): void {
    this.#pending.add(vector);
    this.#showPending();
  }

  /** Messages whose mask was taken away. */
  #release(): void {
    const mask = this.#msiMask;
    for (const vector of this.#pending) {
      if (mask & (1 << vector)) continue;
      this.#pending.delete(vector);
      this.#deliver(vector);
    }
    this.#showPending();
  }

  #showPending(): void {
    const at = this.#config.find(CAPABILITY.MSI);
    if (at === undefined) return;
    let bits = 0;
    for (const vector of this.#pending) bits |= 1 << vector;
    this.#config.set32(at + MSI.PENDING, bits >>> 0);
  }
}
