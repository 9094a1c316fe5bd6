/**
 * A PCI function: a device model with the registers that every function has around it. Who assigns the function to a
 * program (vfio/) works on this:
 *
 * - `identity`, `express`: what it is. `config`: its real configuration space; writeConfig() has the effects that a write
 *   has in hardware: bus mastering gates DMA and messages, the INTx disable bit gates the pin, and the FLR bits reset.
 * - `bar(index)`: what is behind a BAR; `memory` and `mappable` say what programs may map. After map() the machine looks
 *   at the polled registers of the range, since stores no longer are calls.
 * - `interrupts`: how many of each kind there are; `use()` says which kind is in use, and who gets them.
 * - open() and close() stand around a user: only then is the function looked at. reset() is a function-level reset.
 */
import type { DmaPort } from '../iommu/dma.js';
import type { Poller } from '../kernel/pollers.js';
import { Bar } from './bar.js';
import { ConfigSpace, PCI_COMMAND, PCI_CONFIG } from './config/config-space.js';
import type { FunctionLayout, PciIdentity } from './config/layout.js';
import { AF, CAPABILITY, EXPRESS, PM } from './config/standard-capabilities.js';
import { FunctionInterrupts } from './interrupts.js';
import type { DeviceModel } from './model.js';

/** Where pollers are put while they are to be asked. */
export interface PollerSet {
  /** Returns a function that takes it out again. */
  add(poller: Poller): () => void;
}

/** How a function can be reset alone, as Linux names it in sysfs. */
export type ResetMethod = 'flr' | 'af_flr';

const FLR_CAPABLE = 0x1000_0000;

export class PciFunction implements Poller {
  readonly identity: PciIdentity;
  /** Its configuration space has 4096 bytes. */
  readonly express: boolean;
  readonly config: ConfigSpace;
  readonly interrupts: FunctionInterrupts;
  readonly model: DeviceModel;
  readonly #bars: readonly (Bar | undefined)[];
  readonly #port: DmaPort;
  readonly #pollers: PollerSet;
  #stopPolling: (() => void) | undefined;
  #users = 0;
  #mapped = false;

  constructor(model: DeviceModel, port: DmaPort, pollers: PollerSet) {
    const { layout } = model;
    this.model = model;
    this.identity = layout.identity;
    this.express = layout.configSize === 4096;
    this.config = new ConfigSpace(layout);
    this.interrupts = new FunctionInterrupts(this.config, () => model.interruptsChanged?.());
    this.#port = port;
    this.#pollers = pollers;
    this.#bars = [0, 1, 2, 3, 4, 5].map((index) => this.#makeBar(layout, index));
    this.#commandChanged();
  }

  #makeBar(layout: FunctionLayout, index: number): Bar | undefined {
    const bar = layout.bars.find((it) => it.index === index);
    return bar && new Bar(bar, () => void this.model.poll?.());
  }

  /** What is behind a BAR; undefined: nothing, or the upper half of a 64-bit one. @param index 0 to 5 */
  bar(index: number): Bar | undefined {
    return this.#bars[index];
  }

  /** The BARs that there are, by index. */
  get bars(): Bar[] {
    return this.#bars.filter((bar) => bar !== undefined);
  }

  /** How it can be reset alone; empty: only with the bus. */
  get resetMethods(): ResetMethod[] {
    const express = this.config.find(CAPABILITY.EXPRESS);
    const methods: ResetMethod[] = [];
    if (express !== undefined && this.config.get32(express + EXPRESS.DEVICE_CAPABILITIES) & FLR_CAPABLE)
      methods.push('flr');
    if (this.config.find(CAPABILITY.AF) !== undefined) methods.push('af_flr');
    return methods;
  }

  /** The power state that its driver chose: 0 to 3, D0 to D3hot. */
  get powerState(): number {
    const at = this.config.find(CAPABILITY.PM);
    return at === undefined ? 0 : this.config.get16(at + PM.CONTROL) & PM.STATE;
  }

  /** A user has it from now on: what it stores into polled registers is seen. */
  open(): void {
    this.#users++;
    if (this.model.poll) this.#stopPolling ??= this.#pollers.add(this);
  }

  /** A user is gone, and its mappings with it. */
  close(): void {
    if (--this.#users > 0) return;
    this.#stopPolling?.();
    this.#stopPolling = undefined;
    this.#mapped = false;
  }

  /** A program maps a range of a BAR. */
  map(bar: number, offset: number, size: number): void {
    if (this.#bars[bar]?.isPolled(offset, size)) this.#mapped = true;
  }

  /** True while a program may store into polled registers without a call. */
  get watched(): boolean {
    return this.#mapped;
  }

  /** Looks at polled registers and does a step of work. Returns true if something was found or done. */
  poll(): boolean {
    return this.model.poll?.() ?? false;
  }

  /** Takes work by ENQCMD. @param wire the PASID on the wire @returns false: not now, or never */
  enqueue(wire: number): boolean {
    return this.model.enqueue?.(wire) ?? false;
  }

  /** Writes configuration space as software does, with the effects that it has. */
  writeConfig(offset: number, from: Uint8Array): void {
    this.config.write(offset, from);
    this.#commandChanged();
    if (this.#initiatesReset(offset, from)) this.reset();
    else this.interrupts.refresh();
  }

  /**
   * A function-level reset (PCI Express Base Specification, 6.6.2): registers and configuration space as after power-on.
   * What the driver set up for interrupts stays: it restores what it needs.
   */
  reset(): void {
    this.config.reset();
    this.#commandChanged();
    this.interrupts.reset();
    this.model.reset();
  }

  /** The bit that starts a reset is written as one; it always reads zero. */
  #initiatesReset(offset: number, from: Uint8Array): boolean {
    const written = (at: number | undefined, bit: number): boolean =>
      at !== undefined && at >= offset && at < offset + from.length && ((from[at - offset] as number) & bit) !== 0;
    const express = this.config.find(CAPABILITY.EXPRESS);
    const af = this.config.find(CAPABILITY.AF);
    const methods = this.resetMethods;
    return (
      (methods.includes('flr') && written((express ?? 0) + EXPRESS.DEVICE_CONTROL + 1, EXPRESS.INITIATE_FLR >> 8)) ||
      (methods.includes('af_flr') && written((af ?? 0) + AF.CONTROL, AF.INITIATE_FLR))
    );
  }

  #commandChanged(): void {
    this.#port.busMaster = (this.config.get16(PCI_CONFIG.COMMAND) & PCI_COMMAND.BUS_MASTER) !== 0;
  }
}
