/**
 * Functions that their driver lets go (Linux: device_release_driver, vfio_unregister_group_dev): vfio-pci waits until the
 * last user has closed the function, and takes the virtual functions of a physical one away before. What a write to unbind,
 * remove or sriov_numvfs is to do after that is kept until then.
 */
import { Pending } from '../kernel/file/pending.js';
import type { PciSlot } from '../pci/bus/bus.js';

/** What is done to a function on its way. */
export interface DepartureSteps {
  /** Takes the virtual functions away. @param then called when all are gone, which may be at once */
  removeVirtual(slot: PciSlot, then: () => void): void;
  /** The driver lets go. @param left called when nobody has the function open any more, which may be at once */
  release(slot: PciSlot, left: () => void): void;
}

export class Departures {
  readonly #steps: DepartureSteps;
  /** The functions on their way, and what follows for each. */
  readonly #leaving = new Map<PciSlot, (() => void)[]>();

  constructor(steps: DepartureSteps) {
    this.#steps = steps;
  }

  /** Does the driver let the function go now, while somebody has it open? */
  has(slot: PciSlot): boolean {
    return this.#leaving.has(slot);
  }

  /** The driver lets a function go, if it does not already. @param then what follows, when it has no driver any more */
  begin(slot: PciSlot, then: () => void): void {
    const known = this.#leaving.get(slot);
    if (known) {
      known.push(then);
      return;
    }
    const following = [then];
    this.#leaving.set(slot, following);
    this.#steps.removeVirtual(slot, () =>
      this.#steps.release(slot, () => {
        slot.driver = undefined;
        this.#leaving.delete(slot);
        for (const act of following) act();
      }),
    );
  }
}

/**
 * Begins something that may end at once, or later.
 * @param begin told what to call at the end
 * @throws Pending it has not ended
 */
export function orWait(what: string, begin: (ended: () => void) => void): void {
  let over = false;
  begin(() => {
    over = true;
  });
  if (!over) throw new Pending('EBUSY', `${what} is in use: its user was asked to close it`, () => over);
}

/**
 * Does something later, when nothing is in its way any more.
 * @param act may throw what the call answers then, or that it waits again
 * @throws Pending always
 */
export function waitFor(what: string, ready: () => boolean, act: () => void): never {
  throw new Pending('EBUSY', what, () => {
    if (!ready()) return false;
    act();
    return true;
  });
}
