/**
 * The channel of a CBDMA device: follows the chain of descriptors from CHAINADDR on, as many as DMACOUNT says, and tells of
 * progress in CHANSTS and, where CHANCMP says so, in memory. A step moves at most BUDGET bytes.
 */
import type { DmaAttributes, DmaPort } from '../../iommu/dma.js';
import { DESCRIPTOR_SIZE, type Descriptor, OPERATION, readDescriptor } from './descriptor.js';
import { CHANERR, CHANSTS, type ChannelState } from './registers.js';

/** Bytes of one step, and descriptors of one step. */
const BUDGET = 256 * 1024;
const MOST_DESCRIPTORS = 128;

const PLAIN: DmaAttributes = { noSnoop: false, pasid: undefined };

/** What the channel says to whoever has its registers. */
export interface ChannelReport {
  /** Where completions go; 0: nowhere. */
  completionAddress(): bigint;
  /** The state and the last completed descriptor changed. */
  status(value: bigint): void;
  /** Bits of CHANERR. */
  error(bits: number): void;
  interrupt(): void;
}

export class Channel {
  readonly #dma: DmaPort;
  readonly #largest: number;
  readonly #report: ChannelReport;
  readonly #bytes = new Uint8Array(BUDGET);
  readonly #descriptorView = new DataView(new ArrayBuffer(DESCRIPTOR_SIZE));
  readonly #descriptorBytes = new Uint8Array(this.#descriptorView.buffer);
  readonly #completion = new DataView(new ArrayBuffer(8));
  #state: ChannelState = CHANSTS.HALTED;
  /** The last descriptor that completed. */
  #last = 0n;
  /** The next descriptor; undefined: the chain begins anew. */
  #next: bigint | undefined;
  /** Descriptors done since the chain began, modulo 2^16. */
  #done = 0;
  #current: Descriptor | undefined;
  /** Bytes of the current descriptor that were moved. */
  #moved = 0;

  /** @param largest bytes of the largest transfer */
  constructor(dma: DmaPort, largest: number, report: ChannelReport) {
    this.#dma = dma;
    this.#largest = largest;
    this.#report = report;
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Stops, forgets the chain, and shows a state. */
  restart(state: ChannelState): void {
    this.#next = this.#current = undefined;
    this.#done = this.#moved = 0;
    this.#last = 0n;
    this.#show(state);
  }

  /** A channel that was reset takes a chain from now on. */
  arm(): void {
    if (this.#state === CHANSTS.HALTED) this.#show(CHANSTS.ARMED);
  }

  /** True if the channel has descriptors to do. @param count what DMACOUNT says */
  hasWork(count: number): boolean {
    return this.#state !== CHANSTS.HALTED && this.#done !== count;
  }

  /**
   * Does a step.
   * @param count what DMACOUNT says; @param chain what CHAINADDR says, for a chain that begins
   */
  step(count: number, chain: bigint): void {
    if (this.#state !== CHANSTS.ACTIVE) this.#show(CHANSTS.ACTIVE);
    let budget = BUDGET;
    let completion = false;
    let interrupts = 0;
    for (let n = 0; n < MOST_DESCRIPTORS && budget > 0 && this.#done !== count; n++) {
      const descriptor = this.#current ?? this.#fetch(this.#next ?? chain);
      if (!descriptor) return;
      this.#current = descriptor;
      const moved = this.#move(descriptor, budget);
      if (moved < 0) return;
      budget -= moved;
      if (!descriptor.isNull && this.#moved < descriptor.size) break;
      this.#current = undefined;
      this.#moved = 0;
      this.#next = descriptor.next;
      this.#last = descriptor.address;
      this.#done = (this.#done + 1) & 0xffff;
      completion ||= descriptor.completion;
      if (descriptor.interrupt) interrupts++;
    }
    if (this.#done === count) this.#state = CHANSTS.DONE;
    // What was moved is in memory, then the completion, then the register, then the interrupt.
    if (completion && !this.#complete()) return;
    this.#show(this.#state);
    for (; interrupts > 0; interrupts--) this.#report.interrupt();
  }

  #fetch(address: bigint): Descriptor | undefined {
    if (this.#dma.read(address, this.#descriptorBytes, PLAIN).moved < DESCRIPTOR_SIZE) {
      this.#fail(CHANERR.DESCRIPTOR);
      return undefined;
    }
    return readDescriptor(this.#descriptorView, address);
  }

  /** Moves what is left of a descriptor, at most `budget` bytes. Returns bytes, or -1: it failed. */
  #move(descriptor: Descriptor, budget: number): number {
    if (descriptor.isNull) return 0;
    const { operation, size, source, target } = descriptor;
    const known = operation === OPERATION.COPY || operation === OPERATION.FILL;
    if (!known || size === 0 || size > this.#largest) return this.#fail(CHANERR.CONTROL);
    const piece = this.#bytes.subarray(0, Math.min(size - this.#moved, budget));
    const at = BigInt(this.#moved);
    if (operation === OPERATION.FILL) this.#pattern(source, piece);
    else if (this.#dma.read(source + at, piece, PLAIN).moved < piece.length) return this.#fail(CHANERR.SOURCE);
    if (this.#dma.write(target + at, piece, PLAIN).moved < piece.length) return this.#fail(CHANERR.TARGET);
    this.#moved += piece.length;
    return piece.length;
  }

  /** Steps begin at multiples of 8 bytes, so the pattern does too. */
  #pattern(pattern: bigint, piece: Uint8Array): void {
    for (let i = 0; i < Math.min(8, piece.length); i++) piece[i] = Number((pattern >> BigInt(8 * i)) & 0xffn);
    for (let filled = 8; filled < piece.length; filled *= 2) piece.copyWithin(filled, 0, piece.length - filled);
  }

  /** Writes the state by DMA. Returns false if that failed. */
  #complete(): boolean {
    const address = this.#report.completionAddress();
    if (address === 0n) return true;
    this.#completion.setBigUint64(0, this.#value(this.#state), true);
    if (this.#dma.write(address, new Uint8Array(this.#completion.buffer), PLAIN).moved === 8) return true;
    this.#report.error(CHANERR.COMPLETION);
    this.#show(CHANSTS.HALTED);
    return false;
  }

  /**
   * A descriptor failed. The channel halts, and tells so in memory. A driver that asked for no completions reads the state
   * in a loop, and needs it to be another than HALTED as soon as it has written CHAINADDR after a reset: of a mapped page
   * that cannot be. So it finds the channel done, and the reason in CHANERR.
   */
  #fail(bits: number): -1 {
    this.#report.error(bits);
    if (this.#report.completionAddress() === 0n) {
      this.restart(CHANSTS.DONE);
      return -1;
    }
    this.#current = undefined;
    this.#moved = 0;
    this.#state = CHANSTS.HALTED;
    this.#complete();
    this.#show(CHANSTS.HALTED);
    return -1;
  }

  #value(state: ChannelState): bigint {
    return (this.#last & ~0x3fn) | BigInt(state);
  }

  #show(state: ChannelState): void {
    this.#state = state;
    this.#report.status(this.#value(state));
  }
}
