/**
 * The channel of a CBDMA device: follows the chain of descriptors from CHAINADDR on, as many as DMACOUNT says, and tells of
 * progress in CHANSTS and, where CHANCMP says so, in memory. A step moves at most BUDGET bytes.
 */
import { type DmaPort, OF_QUEUE } from '../../iommu/dma.js';
import { CopyBatch } from './copy-batch.js';
import { type Descriptor, OPERATION } from './descriptor.js';
import { DescriptorReader } from './descriptor-reader.js';
import { CHANERR, CHANSTS, type ChannelState } from './registers.js';

/** Bytes of one step, and descriptors of one step. */
const BUDGET = 256 * 1024;
const MOST_DESCRIPTORS = 128;

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
  readonly #reader: DescriptorReader;
  readonly #batch: CopyBatch;
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
    this.#reader = new DescriptorReader(dma);
    this.#batch = new CopyBatch(dma, BUDGET);
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
    const { error, rest } = this.#collect((count - this.#done) & 0xffff, chain);
    const { done, failure = error } = this.#batch.run();
    let completion = false;
    let interrupts = 0;
    for (const { descriptor, before, size } of done) {
      if (descriptor === rest) {
        this.#moved = before + size;
        break;
      }
      this.#moved = 0;
      this.#next = descriptor.next;
      this.#last = descriptor.address;
      this.#done = (this.#done + 1) & 0xffff;
      completion ||= descriptor.completion;
      if (descriptor.interrupt) interrupts++;
    }
    this.#current = rest;
    if (failure !== undefined) this.#fail(failure);
    else {
      if (this.#done === count) this.#state = CHANSTS.DONE;
      // What was moved is in memory, then the completion, then the register, then the interrupt.
      if (completion && !this.#complete()) return;
      this.#show(this.#state);
    }
    for (; interrupts > 0; interrupts--) this.#report.interrupt();
  }

  /**
   * Fills the batch with the next descriptors.
   * @returns CHANERR bits of the one that follows them, if it cannot be done; the last one, if the batch does a part of it
   */
  #collect(most: number, chain: bigint): { error?: number; rest?: Descriptor } {
    this.#reader.begin(most);
    let address = this.#next ?? chain;
    let [current, moved] = [this.#current, this.#moved];
    for (let n = 0; n < Math.min(most, MOST_DESCRIPTORS); n++) {
      const descriptor = current ?? this.#reader.read(address);
      if (!descriptor) return { error: CHANERR.DESCRIPTOR };
      const { operation, size, isNull } = descriptor;
      const known = operation === OPERATION.COPY || operation === OPERATION.FILL;
      if (!isNull && (!known || size === 0 || size > this.#largest)) return { error: CHANERR.CONTROL };
      const taken = this.#batch.add(descriptor, moved);
      if (taken === undefined) return {};
      if (!isNull && moved + taken < size) return { rest: descriptor };
      [current, moved] = [undefined, 0];
      address = descriptor.next;
    }
    return {};
  }

  /** Writes the state by DMA. Returns false if that failed. */
  #complete(): boolean {
    const address = this.#report.completionAddress();
    if (address === 0n) return true;
    this.#completion.setBigUint64(0, this.#value(this.#state), true);
    if (this.#dma.write(address, new Uint8Array(this.#completion.buffer), OF_QUEUE).moved === 8) return true;
    this.#report.error(CHANERR.COMPLETION);
    this.#show(CHANSTS.HALTED);
    return false;
  }

  /**
   * A descriptor failed. The channel halts, and tells so in memory. A driver that asked for no completions reads the state
   * in a loop, and needs it to be another than HALTED as soon as it has written CHAINADDR after a reset: of a mapped page
   * that cannot be. So it finds the channel done, and the reason in CHANERR.
   */
  #fail(bits: number): void {
    this.#report.error(bits);
    if (this.#report.completionAddress() === 0n) {
      this.restart(CHANSTS.DONE);
      return;
    }
    this.#current = undefined;
    this.#moved = 0;
    this.#state = CHANSTS.HALTED;
    this.#complete();
    this.#show(CHANSTS.HALTED);
  }

  #value(state: ChannelState): bigint {
    return (this.#last & ~0x3fn) | BigInt(state);
  }

  #show(state: ChannelState): void {
    this.#state = state;
    this.#report.status(this.#value(state));
  }
}
