/**
 * Intel's CBDMA (QuickData Technology, "IOAT"), PCI 8086:2021: one channel that copies and fills by chains of descriptors
 * (Intel Xeon Scalable datasheet, volume 2, "Crystal Beach DMA").
 *
 * BAR0 is a mapped page, so the device sees stores by looking. What follows from that:
 * - After RESET the channel is HALTED before the command reads as zero. It is ARMED when a store to CHAINADDR is found, when
 *   interrupts are set up, or after 10 ms: drivers that look right after the reset, and those that look when they begin a
 *   chain, both find what they expect.
 * - SUSPEND and RESET end the chain: DMACOUNT counts from zero, and the next doorbell begins at CHAINADDR.
 * - Bits that ones clear are cleared by the RESET that follows.
 */
import type { FunctionLayout } from '../../pci/config/layout.js';
import type { DeviceModel, DeviceSlot } from '../../pci/model.js';
import { PolledRegister } from '../../pci/polled-register.js';
import type { IoatOptions, ModelOptions } from '../options.js';
import { functionLayout } from '../shell.js';
import { Channel } from './channel.js';
import { CAPABILITY_FILL, CHANCMD, CHANSTS, CONFIG, INTRCTRL, IOAT } from './registers.js';

const IDENTITY = {
  ...{ vendor: 0x8086, device: 0x2021, subsystemVendor: 0x8086, subsystem: 0x2021 },
  ...{ classCode: 0x088000, revision: 4 },
};
const REGISTERS = 0x4000;
const PAGE = 0x1000;
/** How long a channel that was reset stays HALTED, milliseconds. */
const ARMED_AFTER = 10;

/** CBVER 3.3, transfers to 64 KiB. */
const DEFAULT: IoatOptions = { version: 0x33, largestTransfer: 16 };

export class Ioat implements DeviceModel {
  readonly layout: FunctionLayout;
  readonly #slot: DeviceSlot;
  readonly #options: IoatOptions;
  readonly #registers: DataView;
  readonly #channel: Channel;
  readonly #command: PolledRegister;
  readonly #count: PolledRegister;
  readonly #chain: readonly [low: PolledRegister, high: PolledRegister];
  /** Ends the wait of a channel that was reset, and is not armed yet. */
  #cancelArm: (() => void) | undefined;

  constructor(slot: DeviceSlot, options: ModelOptions) {
    this.#slot = slot;
    this.#options = options.ioat ?? DEFAULT;
    const memory = slot.memory(0, REGISTERS);
    this.#registers = memory.view;
    const table = slot.memory(4, PAGE);
    this.layout = functionLayout(
      {
        identity: IDENTITY,
        ...{ bus: 'pcie', interrupts: { intx: false, msi: 1, msix: 1 }, flr: true, serial: 0x8086_2021n },
        msix: { bar: 4, table: 0, pending: 0x800 },
        bars: [
          {
            ...{ index: 0, kind: 'memory64', prefetchable: true, size: REGISTERS, memory },
            windows: [{ kind: 'polled', offset: 0, size: REGISTERS }],
          },
          {
            ...{ index: 4, kind: 'memory32', prefetchable: false, size: PAGE, memory: table },
            windows: [{ kind: 'memory', offset: 0, size: PAGE }],
          },
        ],
        configRegisters: Object.values(CONFIG).map((offset) => ({
          ...{ offset, width: 4, value: 0, clearable: 0xffff_ffff },
        })),
      },
      options,
    );
    const register = (offset: number, width: 1 | 2 | 4, name: string) =>
      new PolledRegister(memory.view, offset, width, (value) => slot.found(name, value));
    this.#command = register(IOAT.CHANCMD, 1, 'CHANCMD');
    this.#count = register(IOAT.DMACOUNT, 2, 'DMACOUNT');
    this.#chain = [register(IOAT.CHAINADDR, 4, 'CHAINADDR low'), register(IOAT.CHAINADDR + 4, 4, 'CHAINADDR high')];
    this.#channel = new Channel(slot.dma, 2 ** this.#options.largestTransfer, {
      completionAddress: () => this.#registers.getBigUint64(IOAT.CHANCMP, true),
      status: (value) => this.#registers.setBigUint64(IOAT.CHANSTS, value, true),
      error: (bits) => this.#error(bits),
      interrupt: () => this.#interrupt(),
    });
    this.reset();
  }

  reset(): void {
    for (let offset = 0; offset < REGISTERS; offset += 8) this.#registers.setBigUint64(offset, 0n, true);
    this.#registers.setUint8(IOAT.CHANCNT, 1);
    this.#registers.setUint8(IOAT.XFERCAP, this.#options.largestTransfer);
    this.#registers.setUint8(IOAT.CBVER, this.#options.version);
    this.#registers.setUint32(IOAT.DMACAPABILITY, CAPABILITY_FILL, true);
    for (const half of this.#chain) half.set(0);
    this.#resetChannel();
  }

  interruptsChanged(): void {
    this.#arm();
  }

  poll(): boolean {
    // A new chain address first: if a reset was written before it, the channel is armed by it.
    const chain = [this.#chain[0].look(), this.#chain[1].look()].includes(true);
    const command = this.#command.look();
    if (command) this.#obey(this.#command.value);
    if (chain) this.#arm();
    const rung = this.#count.look();
    if (!this.#channel.hasWork(this.#count.value)) return command || chain || rung;
    this.#channel.step(this.#count.value, this.#chainAddress);
    return true;
  }

  get #chainAddress(): bigint {
    return this.#registers.getBigUint64(IOAT.CHAINADDR, true);
  }

  /** The command reads as zero when it is done, so the same one again can be seen. */
  #obey(command: number): void {
    if (command & CHANCMD.RESET) this.#resetChannel();
    else if (command & CHANCMD.SUSPEND) {
      this.#count.set(0);
      this.#command.set(0);
      this.#channel.restart(CHANSTS.SUSPENDED);
    } else this.#command.set(0);
  }

  #resetChannel(): void {
    this.#count.set(0);
    this.#registers.setUint32(IOAT.CHANERR, 0, true);
    this.#channel.restart(CHANSTS.HALTED);
    this.#command.set(0);
    this.#cancelArm?.();
    this.#cancelArm = this.#slot.schedule(ARMED_AFTER, () => this.#arm());
  }

  /** The channel takes a chain, if it was reset since it halted. */
  #arm(): void {
    if (!this.#cancelArm) return;
    this.#cancelArm();
    this.#cancelArm = undefined;
    this.#channel.arm();
  }

  #error(bits: number): void {
    this.#registers.setUint32(IOAT.CHANERR, this.#registers.getUint32(IOAT.CHANERR, true) | bits, true);
    this.#cancelArm?.();
    this.#cancelArm = undefined;
    // The chain has ended: the next doorbell counts from zero.
    this.#count.set(0);
  }

  #interrupt(): void {
    const control = this.#registers.getUint8(IOAT.INTRCTRL);
    if (control & (INTRCTRL.MASTER_ENABLE | INTRCTRL.MSIX_VECTORS)) this.#slot.interrupt(0);
  }
}
