/** Hands that reach into a machine from outside, as whoever stands beside a real one could. */
import type { BootedMachine } from '../boot.js';

export type Hand =
  | { readonly command: 'unplug' | 'plug' | 'authority'; readonly name: string }
  | { readonly command: 'interrupt'; readonly name: string; readonly vector: number };

/** @throws RangeError no such device, policy or vector */
export function reach(machine: BootedMachine, hand: Hand): void {
  switch (hand.command) {
    case 'unplug':
      machine.unplug(hand.name);
      return;
    case 'plug':
      machine.plug(hand.name);
      return;
    case 'authority':
      machine.setAuthority(hand.name);
      return;
    case 'interrupt': {
      const { interrupts } = deviceOf(machine, hand.name).function;
      const vectors = Math.max(interrupts.msixVectors, interrupts.msiVectors);
      if (!Number.isInteger(hand.vector) || hand.vector < 0 || hand.vector >= vectors) {
        throw new RangeError(`${hand.name} has ${vectors} interrupt vectors, ${hand.vector} is none of them`);
      }
      interrupts.message(hand.vector);
      machine.kernel.note(hand.name, `vector ${hand.vector} was triggered by hand`);
    }
  }
}

function deviceOf(machine: BootedMachine, name: string) {
  // Also says which there are.
  machine.device(name);
  const device = machine.hardware.devices.find((each) => each.name === name);
  if (!device) throw new RangeError(`the machine has no device '${name}'`);
  return device;
}
