/** Drivers of Linux that a machine may have beside VFIO's, with what they match (MODULE_DEVICE_TABLE of each). */
import { hostDriver, type PciDriver, type PciId, stubDriver } from './driver.js';

const INTEL = 0x8086;
const byIds = (vendor: number, ...devices: number[]): Partial<PciId>[] => devices.map((device) => ({ vendor, device }));
const byClass = (code: number, classMask: number): Partial<PciId> => ({ class: code, classMask });

/** drivers/dma/ioat/init.c: Crystal Beach DMA of Haswell, Broadwell and Skylake servers. */
const IOAT = [0x2f20, 0x2f21, 0x2f22, 0x2f23, 0x6f20, 0x6f21, 0x6f22, 0x6f23, 0x2021, 0x0b00];
const IXGBE = [0x10fb, 0x1528, 0x1563, 0x15c2];
const IGB = [0x10c9, 0x1521, 0x1533];
const E1000E = [0x10d3, 0x153a, 0x15b7];

/** One of each; the names that a machine file may use as `host-driver` and is not among them get one without ids. */
export function hostDrivers(): PciDriver[] {
  return [
    hostDriver('nvme', [byClass(0x010802, 0xffffff)]),
    hostDriver('ioatdma', byIds(INTEL, ...IOAT)),
    hostDriver('idxd', byIds(INTEL, 0x0b25)),
    hostDriver('ixgbe', byIds(INTEL, ...IXGBE)),
    hostDriver('igb', byIds(INTEL, ...IGB)),
    hostDriver('e1000e', byIds(INTEL, ...E1000E)),
    hostDriver('i915', [{ vendor: INTEL, ...byClass(0x030000, 0xff0000) }]),
    stubDriver('pci-stub'),
  ];
}
