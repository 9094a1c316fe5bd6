/** Low power entry and exit (linux-vfio.md, 5.9): the device may sleep in D3 until it is used again. */
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/file/open-file.js';

export class LowPower {
  #entered = false;
  /** Signalled when an access wakes the device. */
  #wakeUp: EventSignal | undefined;
  readonly #changed: () => void;

  /** @param changed told when it is entered or left: what is mapped does not answer meanwhile */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get entered(): boolean {
    return this.#entered;
  }

  /** @throws EINVAL it is in low power already; the eventfd is closed then */
  enter(wakeUp?: EventSignal): void {
    if (this.#entered) {
      wakeUp?.close();
      throw new Errno('EINVAL', 'the device is in low power already');
    }
    this.#entered = true;
    this.#wakeUp = wakeUp;
    this.#changed();
  }

  exit(): void {
    this.#wakeUp?.close();
    this.#wakeUp = undefined;
    if (!this.#entered) return;
    this.#entered = false;
    this.#changed();
  }

  /** An access wakes the device: with an eventfd that also ends the mode. */
  touch(): void {
    if (!this.#wakeUp) return;
    this.#wakeUp.signal();
    this.exit();
  }
}
