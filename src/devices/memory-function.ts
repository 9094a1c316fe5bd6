/**
 * A function of plain memory: BARs that can be mapped and have no effects, or I/O ports that keep what is written, with the
 * identity that its options give. It does no DMA and never interrupts by itself.
 */
import type { BarLayout, FunctionLayout, TrappedWindow } from '../pci/config/layout.js';
import { ArrayMemory, type DeviceMemory } from '../pci/memory.js';
import type { DeviceModel, DeviceSlot } from '../pci/model.js';
import { type ExpansionRom, expansionRom } from '../pci/rom.js';
import type { BarOptions, MemoryOptions, ModelOptions } from './options.js';
import { functionLayout } from './shell.js';

const PAGE = 4096;
/** QEMU's "edu" device: a function for teaching, that real machines of tests have. */
const DEFAULT = {
  identity: { vendor: 0x1234, device: 0x11e8, classCode: 0x00ff00 },
  bars: [{ ...{ index: 0, kind: 'memory32', size: 1 << 20, prefetchable: false } }] satisfies BarOptions[],
} as const;

export class MemoryFunction implements DeviceModel {
  readonly layout: FunctionLayout;
  readonly rom: ExpansionRom | undefined;
  readonly #memories: DeviceMemory[] = [];

  constructor(slot: DeviceSlot, options: ModelOptions) {
    const { identity: ids, bars, romSize }: MemoryOptions = options.memory ?? DEFAULT;
    const identity = { ...ids, subsystemVendor: ids.vendor, subsystem: ids.device, revision: 0x10 };
    this.rom = romSize === undefined ? undefined : expansionRom(identity, romSize);
    this.layout = functionLayout(
      {
        identity,
        romSize,
        ...{ bus: 'pci', interrupts: { intx: true, msi: 1, msix: 0 }, flr: false, serial: 0n },
        // The table of MSI-X is in the first BAR.
        msix: { bar: bars[0]?.index ?? 0, table: 0, pending: 0x800 },
        bars: bars.map((bar) => this.#bar(slot, bar)),
      },
      options,
    );
  }

  reset(): void {
    const zeros = new Uint8Array(PAGE);
    for (const memory of this.#memories) {
      for (let at = 0; at < memory.size; at += PAGE) memory.write(at, zeros.subarray(0, memory.size - at));
    }
  }

  #bar(slot: DeviceSlot, bar: BarOptions): BarLayout {
    if (bar.kind === 'io') return { ...bar, windows: [this.#ports(bar.size)] };
    const memory = slot.memory(bar.index, bar.size);
    this.#memories.push(memory);
    return { ...bar, memory, windows: [{ kind: 'memory', offset: 0, size: bar.size }] };
  }

  /** I/O ports cannot be mapped: each access is a call. */
  #ports(size: number): TrappedWindow {
    const memory = new ArrayMemory(size);
    this.#memories.push(memory);
    return {
      ...{ kind: 'trapped', offset: 0, size },
      read: (offset, width) => {
        const bytes = new Uint8Array(8);
        memory.read(offset, bytes.subarray(0, width));
        return new DataView(bytes.buffer).getBigUint64(0, true);
      },
      write: (offset, width, value) => {
        const bytes = new DataView(new ArrayBuffer(8));
        bytes.setBigUint64(0, value, true);
        memory.write(offset, new Uint8Array(bytes.buffer, 0, width));
      },
    };
  }
}
