/**
 * A device while somebody has it open (linux-vfio.md, 5.1): from its first open, which resets the function and makes the
 * virtual configuration space, to its last close, which puts the function back as it was found.
 */
import type { Caller } from '../../kernel/file/open-file.js';
import type { Poller } from '../../kernel/pollers.js';
import type { PciFunction, PollerSet } from '../../pci/function.js';
import type { InterruptSink } from '../../pci/interrupts.js';
import { splitOffset } from '../../pci/region-offset.js';
import type { ConfigEffects } from '../config/hardware.js';
import { VirtualConfig } from '../config/virtual-config.js';
import { Interrupts } from '../irq/interrupts.js';
import type { MessageIrqs } from '../irq/message-irqs.js';
import type { IrqRequest } from '../irq/request.js';
import { DmaBufs } from './dma-bufs.js';
import { configFacts, hardwareOf, resetKeepingHeader, setPowerState } from './function-config.js';
import { IoEventFds } from './io-eventfd.js';
import { LowPower } from './low-power.js';

const COMMAND = 0x04;
const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const COMMAND_BUS_MASTER = 4;
const COMMAND_INTX_DISABLE = 0x400;
const HEADER_SIZE = 64;
/** Power state from which on registers are not reached. */
const D3HOT = 3;

/** What is known of a function beside the function itself. */
export interface OpenFacts {
  readonly virtualFunction: boolean;
  /** A reset of the function alone works. */
  readonly canReset: boolean;
  /** Vectors of MSI-X can be added while it is enabled. */
  readonly dynamicMsix: boolean;
}

export class OpenDevice implements InterruptSink, Poller {
  readonly function: PciFunction;
  readonly config: VirtualConfig;
  readonly interrupts: Interrupts;
  readonly ioEventFds = new IoEventFds();
  readonly dmaBufs = new DmaBufs();
  readonly lowPower = new LowPower(() => this.#decode());
  /** A reset of the function worked at open: VFIO_DEVICE_FLAGS_RESET. */
  readonly canReset: boolean;
  #powerState = 0;
  /** The header as it was before the first open. */
  readonly #found: Uint8Array;

  readonly #stopPolling: () => void;

  /** @param busMaster the personality leaves bus mastering on */
  constructor(pci: PciFunction, facts: OpenFacts, pollers: PollerSet, busMaster: boolean) {
    this.function = pci;
    this.canReset = facts.canReset;
    this.#found = new Uint8Array(HEADER_SIZE);
    pci.config.read(0, this.#found);
    if (facts.canReset) resetKeepingHeader(pci);
    const hw = hardwareOf(pci);
    const decode = pci.bars.reduce((bits, { kind }) => bits | (kind === 'io' ? COMMAND_IO : COMMAND_MEMORY), 0);
    const rest = hw.read(COMMAND, 2) & ~(COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE);
    hw.write(COMMAND, 2, rest | decode | (busMaster ? COMMAND_BUS_MASTER : 0));
    this.config = new VirtualConfig(
      hw,
      configFacts(pci, facts.virtualFunction),
      this.#effects(),
      pci.interrupts.pins === 0,
    );
    this.interrupts = new Interrupts({
      pin: this.config.interruptPin,
      msi: pci.interrupts.msiVectors,
      msix: pci.interrupts.msixVectors,
      dynamic: facts.dynamicMsix,
      express: pci.express,
    });
    pci.open();
    this.#stopPolling = pollers.add(this);
  }

  /** Registers of memory BARs answer: decode is on, and the function is awake. */
  get memoryEnabled(): boolean {
    return this.config.memoryEnabled && this.#powerState < D3HOT;
  }

  /** A user writes configuration space. @throws EFAULT beyond its end */
  writeConfig(offset: bigint, from: Uint8Array): void {
    this.config.write(offset, from);
    this.#decode();
  }

  /** What is mapped of memory BARs answers, or does not. */
  #decode(): void {
    const mapped = this.memoryEnabled && !this.lowPower.entered;
    for (const { kind, memory } of this.function.bars) if (kind !== 'io') memory?.respond?.(mapped);
    this.dmaBufs.revoke(!this.memoryEnabled);
  }

  /** VFIO_DEVICE_SET_IRQS of a judged request; the function follows. */
  setIrqs(caller: Caller, request: IrqRequest): void {
    this.interrupts.set(caller, request);
    this.#useInterrupts();
  }

  #useInterrupts(): void {
    const { intx, msi, msix } = this.interrupts;
    const pci = this.function.interrupts;
    const mode = intx.active ? 'intx' : msi.active ? 'msi' : msix.active ? 'msix' : 'none';
    if (mode === pci.mode) return;
    const vectors = mode === 'msix' ? pci.msixVectors : mode === 'msi' ? powerOfTwo(msi.enabled) : 0;
    pci.use(mode, mode === 'none' ? undefined : this, vectors);
    this.function.model.interruptsChanged?.();
  }

  line(asserted: boolean): void {
    this.interrupts.intx.setLevel(asserted);
  }

  message(vector: number): boolean {
    return this.#messages.raise(vector);
  }

  isAllocated(vector: number): boolean {
    return this.#messages.has(vector);
  }

  get #messages(): MessageIrqs {
    const { msi, msix } = this.interrupts;
    return msix.active ? msix : msi;
  }

  /** VFIO_DEVICE_RESET of a function that can do it: the configuration registers come back as they were. */
  reset(): void {
    this.#powerState = 0;
    this.dmaBufs.revoke(true);
    resetKeepingHeader(this.function);
    this.#decode();
  }

  /** A user's eventfds can act without a call: somebody has to look. */
  get watched(): boolean {
    return this.interrupts.intx.polled || this.ioEventFds.count > 0;
  }

  /** Looks at the eventfds that unmask INTx or write registers. */
  poll(): boolean {
    let moved = this.interrupts.intx.poll();
    for (const { offset, data, width } of this.ioEventFds.signalled()) {
      moved = true;
      if (!this.memoryEnabled) continue;
      const { index, offset: at } = splitOffset(offset);
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, data, true);
      this.function.bar(index)?.write(Number(at), bytes.subarray(0, width));
    }
    return moved;
  }

  /** The last close. */
  close(): void {
    this.#stopPolling();
    this.dmaBufs.release();
    this.lowPower.exit();
    this.interrupts.release();
    this.#useInterrupts();
    this.ioEventFds.release();
    this.function.close();
    this.#powerState = 0;
    const hw = hardwareOf(this.function);
    hw.write(COMMAND, 2, hw.read(COMMAND, 2) & ~COMMAND_BUS_MASTER);
    if (this.canReset) this.function.reset();
    this.function.writeConfig(0, this.#found);
    for (const bar of this.function.bars) {
      bar.memory?.respond?.(true);
      bar.letGo(this);
    }
  }

  #effects(): ConfigEffects {
    const self = this;
    return {
      intxDisabled: (disabled) => this.interrupts.intx.setDisabled(disabled),
      functionReset: () => {
        if (this.canReset) this.reset();
      },
      powerState: (state) => {
        if (setPowerState(this.function, state)) this.#powerState = state;
      },
      get msiQueueMax() {
        const { msi } = self.interrupts;
        return msi.active ? Math.log2(powerOfTwo(msi.enabled)) : undefined;
      },
    };
  }
}

/** The next power of two. */
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(Math.max(n, 1)));
