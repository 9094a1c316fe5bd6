/** What a device model is, and what it is given. A model knows its registers; PCI and VFIO are around it. */
import type { DmaPort } from '../iommu/dma.js';
import type { FunctionLayout } from './config/layout.js';
import type { DeviceMemory } from './memory.js';
import type { ExpansionRom } from './rom.js';

/** What the machine gives to a device. */
export interface DeviceSlot {
  readonly dma: DmaPort;
  /** The memory behind a BAR, bytes; made by whoever runs the machine. */
  memory(bar: number, size: number): DeviceMemory;
  /**
   * Sends the message of an interrupt vector (MSI, MSI-X). Nothing happens while the driver uses the pin.
   * @param asked the driver asked for it; not for one that a function sends in any case, which a driver that polls leaves unused
   */
  interrupt(vector: number, asked?: boolean): void;
  /** The level of the interrupt pin (INTx). Nothing happens while the driver uses messages. */
  line(asserted: boolean): void;
  /** Calls back after `delay` milliseconds of the machine's clock. Returns a function that cancels it. */
  schedule(delay: number, act: () => void): () => void;
  /** Tells what was found by looking at polled registers: an input of the machine, for the trace. */
  found(register: string, value: number | bigint): void;
}

export interface DeviceModel {
  readonly layout: FunctionLayout;
  /** Its expansion ROM; its layout says the same size. */
  readonly rom?: ExpansionRom | undefined;
  /** Back to the state after power-on. */
  reset(): void;
  /** The driver has set up, changed or released its interrupts. */
  interruptsChanged?(): void;
  /**
   * Looks at polled registers, and does at most a step of what there is to do.
   * @returns true if something was found or done: there may be more
   */
  poll?(): boolean;
  /**
   * Takes work by ENQCMD. @param wire the PASID that the CPU translated
   * @returns false: busy, try again
   */
  enqueue?(wire: number): boolean;
}
