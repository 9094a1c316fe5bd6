/**
 * Interrupts of completion queues: a message each time entries were added, or the pin as long as there are some; INTMS and
 * INTMC mask vectors of the pin and of MSI (Base Specification 2.0, 3.1.3.3 and 3.1.3.4; PCIe Transport Specification 1.0,
 * 3.5). Both read as zero: only so can the same bit be written twice.
 */
import type { DeviceSlot } from '../../pci/model.js';
import { PolledRegister } from '../../pci/polled-register.js';
import type { CompletionQueue } from './queues.js';
import { NVME } from './registers.js';

/** Vectors that the mask registers have bits for. */
const MASKABLE = 32;

export class InterruptVectors {
  readonly #slot: DeviceSlot;
  readonly #set: PolledRegister;
  readonly #clear: PolledRegister;
  /** Vectors that the host masked, by bit. */
  #masked = 0;
  /** Vectors whose message waits for the mask. */
  #held = 0;
  /** Vectors that queues with interrupts of the host's choice have used. */
  #asked = 0;

  constructor(slot: DeviceSlot, registers: DataView) {
    this.#slot = slot;
    this.#set = new PolledRegister(registers, NVME.INTMS, 4, (value) => slot.found('INTMS', value));
    this.#clear = new PolledRegister(registers, NVME.INTMC, 4, (value) => slot.found('INTMC', value));
  }

  reset(): void {
    this.#masked = this.#held = this.#asked = 0;
    this.#slot.line(false);
  }

  /** Looks at the mask registers. @param queues all there are. Returns true if the host has written one */
  look(queues: Iterable<CompletionQueue>): boolean {
    const [set, clear] = [this.#set.look(), this.#clear.look()];
    if (!set && !clear) return false;
    this.#masked = (this.#masked | this.#set.value) & ~this.#clear.value;
    this.#set.set(0);
    this.#clear.set(0);
    const released = this.#held & ~this.#masked;
    this.#held &= this.#masked;
    this.#send(released);
    this.#line(queues);
    return true;
  }

  /** Entries were added to queues; those of all queues are in memory. */
  completed(added: readonly CompletionQueue[], queues: Iterable<CompletionQueue>): void {
    let vectors = 0;
    for (const { id, vector } of added) {
      if (vector === undefined) continue;
      // The admin queue has interrupts whether the host wants them or not (3.1.3.9).
      if (id !== 0 && vector < MASKABLE) this.#asked |= 1 << vector;
      if (vector >= MASKABLE) this.#slot.interrupt(vector);
      else if (this.#isMasked(vector)) this.#held |= 1 << vector;
      else vectors |= 1 << vector;
    }
    this.#send(vectors);
    this.#line(queues);
  }

  #isMasked(vector: number): boolean {
    return vector < MASKABLE && (this.#masked & (1 << vector)) !== 0;
  }

  #send(vectors: number): void {
    for (let vector = 0; vectors >>> vector !== 0 && vector < MASKABLE; vector++)
      if (vectors & (1 << vector)) this.#slot.interrupt(vector, (this.#asked & (1 << vector)) !== 0);
  }

  /** The pin is asserted as long as a queue with interrupts, whose vector is not masked, has completions. */
  #line(queues: Iterable<CompletionQueue>): void {
    let asserted = false;
    for (const { pending, vector } of queues)
      if (pending && vector !== undefined && !this.#isMasked(vector)) asserted = true;
    this.#slot.line(asserted);
  }
}
