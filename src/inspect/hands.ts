/** Hands that reach into a machine from outside, as whoever stands beside a real one could. */
import { hex, U64_MAX } from '../abi/address.js';
import type { BootedMachine } from '../boot.js';
import { type DmaPort, PLAIN } from '../iommu/dma.js';
import { DMA_FAULT } from '../iommu/domain.js';

export type Hand =
  | { readonly command: 'unplug' | 'plug' | 'authority'; readonly name: string }
  | { readonly command: 'interrupt'; readonly name: string; readonly vector: number }
  /** The device reads a byte at an address, hexadecimal: where nothing is mapped, that is a fault. */
  | { readonly command: 'fault'; readonly name: string; readonly iova: string };

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
    case 'fault': {
      const iova = BigInt(hand.iova);
      if (iova < 0n || iova > U64_MAX) throw new RangeError(`${hand.iova} is no address: 0 to 2^64-1`);
      machine.kernel.note(hand.name, provoke(deviceOf(machine, hand.name).port, iova));
      return;
    }
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

/** The device reads a byte, and asks for the page if it may. Returns what came of it, in words. */
function provoke(port: DmaPort, iova: bigint): string {
  const { fault } = port.read(iova, new Uint8Array(1), PLAIN);
  if (fault === DMA_FAULT.NONE) return `read ${hex(iova)} by hand: it is mapped, there was no fault`;
  const pages = [{ address: iova, write: false }];
  const asked = port.request(fault, pages, PLAIN, () => undefined) !== undefined;
  return `read ${hex(iova)} by hand: ${fault}${asked ? '; it asks for the page' : ''}`;
}

function deviceOf(machine: BootedMachine, name: string) {
  // Also says which there are.
  machine.device(name);
  const device = machine.hardware.devices.find((each) => each.name === name);
  if (!device) throw new RangeError(`the machine has no device '${name}'`);
  return device;
}
