/**
 * QEMU's "edu", 1234:11e8: a device made for teaching, for which many a first driver is written. It inverts a value,
 * computes factorials, raises interrupts on demand, and has a DMA engine with 28 address bits and a buffer of 4 KiB
 * (QEMU's documentation, "EDU device"). Conventional PCI, one BAR of 1 MiB, INTx and one MSI message.
 *
 * By itself each access of the BAR is a call, so that every answer is exact. With the option `mapped` programs map the
 * BAR, and the device sees their stores by looking: what is expected at once (the inversion, the computing bit of the
 * status) comes too late then, while interrupts and DMA work as by calls.
 */
import type { AccessWidth, BarLayout, FunctionLayout, RegisterAccess } from '../../pci/config/layout.js';
import type { DeviceMemory } from '../../pci/memory.js';
import type { DeviceModel, DeviceSlot } from '../../pci/model.js';
import type { ModelOptions } from '../options.js';
import { functionLayout } from '../shell.js';
import { EDU } from './registers.js';
import { EduState } from './state.js';

const IDENTITY = {
  ...{ vendor: 0x1234, device: 0x11e8, subsystemVendor: 0x1af4, subsystem: 0x1100 },
  ...{ classCode: 0x00ff00, revision: 0x10 },
};
const SIZE = 1 << 20;
/** Where a mapped BAR has registers: the rest of it reads as ones, and is not looked at. */
const REGISTERS_END = 0xa0;
/** From here on registers take accesses of 8 bytes too. */
const WIDE = 0x80;
const ONES = (1n << 64n) - 1n;
const PAGE = 4096;

export class Edu implements DeviceModel {
  readonly layout: FunctionLayout;
  readonly #state: EduState;
  readonly #slot: DeviceSlot;
  /** Of a BAR that programs map. */
  readonly #memory: DeviceMemory | undefined;

  constructor(slot: DeviceSlot, options: ModelOptions) {
    this.#slot = slot;
    this.#state = new EduState(slot, () => void this.poll());
    this.#memory = options.edu?.mapped ? slot.memory(0, SIZE) : undefined;
    this.layout = functionLayout(
      {
        identity: IDENTITY,
        ...{ bus: 'pci', interrupts: { intx: true, msi: 1, msix: 0 }, flr: false, serial: 0n },
        msix: { bar: 0, table: SIZE / 2, pending: SIZE / 2 + PAGE },
        bars: [this.#bar()],
      },
      options,
    );
    this.reset();
  }

  #bar(): BarLayout {
    const access: RegisterAccess = {
      read: (offset, width) => this.#read(offset, width),
      write: (offset, width, value) => this.#write(offset, width, value),
    };
    const range = { offset: 0, size: SIZE };
    const bar = { ...range, index: 0, kind: 'memory32', prefetchable: false } as const;
    const memory = this.#memory;
    if (!memory) return { ...bar, windows: [{ kind: 'trapped', ...range, ...access }] };
    return { ...bar, memory, windows: [{ kind: 'polled', ...range, access }] };
  }

  reset(): void {
    this.#state.reset();
    const ones = new Uint8Array(PAGE).fill(0xff);
    for (let at = 0; at < (this.#memory?.size ?? 0); at += PAGE) this.#memory?.write(at, ones);
    this.#show();
  }

  poll(): boolean {
    const stored = this.#look();
    const worked = this.#state.step();
    if (stored || worked) this.#show();
    return stored || worked;
  }

  /** The bus refuses narrow accesses: they read as zero. Where no register is, and across two, a read gives ones. */
  #read(offset: number, width: AccessWidth): bigint {
    if (width < 4) return 0n;
    this.#look();
    const value = width === 8 && offset < WIDE ? undefined : this.#state.read(offset);
    return BigInt.asUintN(8 * width, value ?? ONES);
  }

  #write(offset: number, width: AccessWidth, value: bigint): void {
    if (width < 4 || (width === 8 && offset < WIDE)) return;
    this.#look();
    this.#state.write(offset, value);
    this.#show();
  }

  /** Finds what programs stored into a mapped BAR. Returns true if there was something. */
  #look(): boolean {
    const view = this.#memory?.view;
    if (!view) return false;
    let found = false;
    // The command is the last one: what it works on is there before it.
    for (const [name, offset] of Object.entries(EDU)) {
      const wide = offset >= WIDE;
      const value = wide ? view.getBigUint64(offset, true) : BigInt(view.getUint32(offset, true));
      if (value === this.#shown(offset)) continue;
      this.#slot.found(name.replaceAll('_', ' ').toLowerCase(), value);
      this.#state.write(offset, value);
      found = true;
    }
    if (found) this.#show();
    return found;
  }

  /** What a mapped BAR has at a register. */
  #shown(offset: number): bigint {
    return BigInt.asUintN(offset >= WIDE ? 64 : 32, this.#state.read(offset) ?? ONES);
  }

  /** Puts the registers into a mapped BAR. */
  #show(): void {
    const view = this.#memory?.view;
    for (let offset = 0; view && offset < REGISTERS_END; offset += offset >= WIDE ? 8 : 4) {
      if (offset >= WIDE) view.setBigUint64(offset, this.#shown(offset), true);
      else view.setUint32(offset, Number(this.#shown(offset)), true);
    }
  }
}
