/** A PCI function as the virtual configuration space stands on it: its registers, and what the kernel knows beside them. */

import { CAPABILITY, PM } from '../../pci/config/standard-capabilities.js';
import type { PciFunction } from '../../pci/function.js';
import type { ConfigFacts, HardwareConfig, Width } from '../config/hardware.js';

const BAR0 = 0x10;
const BARS = 6;

/** The real configuration space: writes have the effects that they have in hardware. */
export function hardwareOf(pci: PciFunction): HardwareConfig {
  const { config } = pci;
  return {
    size: config.size,
    read(offset: number, width: Width): number {
      if (width === 4) return config.get32(offset);
      return width === 2 ? config.get16(offset) : config.get8(offset);
    },
    write(offset: number, width: Width, value: number): void {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value, true);
      pci.writeConfig(offset, bytes.subarray(0, width));
    },
  };
}

export function configFacts(pci: PciFunction, virtualFunction: boolean): ConfigFacts {
  const { vendor, device } = pci.identity;
  const bars = Array.from({ length: BARS }, (_, index) => {
    const bar = pci.bar(index);
    // The low bits say what the BAR is: ports, 64-bit memory, prefetchable.
    const type = pci.config.get32(BAR0 + 4 * index) & (bar?.kind === 'io' ? 3 : 15);
    return bar ? { size: bar.size, type } : { size: 0, type: 0 };
  });
  return { virtualFunction, vendor, device, bars, romSize: pci.model.rom?.size ?? 0 };
}

/** The kernel moves the function to a power state, 0 to 3; a function without the capability stays where it is. */
export function setPowerState(pci: PciFunction, state: number): boolean {
  const at = pci.config.find(CAPABILITY.PM);
  if (at === undefined) return false;
  const control = pci.config.get16(at + PM.CONTROL);
  pci.writeConfig(at + PM.CONTROL, new Uint8Array([(control & ~PM.STATE & 0xff) | state]));
  return true;
}

const HEADER_SIZE = 64;

/** Resets a function; then the kernel writes the header again, as it saved it. */
export function resetKeepingHeader(pci: PciFunction): void {
  const header = new Uint8Array(HEADER_SIZE);
  pci.config.read(0, header);
  pci.reset();
  pci.writeConfig(0, header);
}
