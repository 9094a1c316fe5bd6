/** The options of a device's model, from what a machine file says of it. */
import type { ModelOptions } from '../devices/options.js';
import type { IommuUnit } from '../iommu/unit.js';
import { bytesOf } from './device-schema.js';
import type { MachineDescription } from './schema.js';

export function modelOptions(it: MachineDescription['devices'][string], unit: IommuUnit): ModelOptions {
  return {
    ...{ bus: it.bus, interrupts: it.interrupts },
    pasidBits: it.pasid ? unit.pasidBits : 0,
    pageRequests: it.pri,
    virtualFunctions: it.sriov?.vfs ?? 0,
    ioat: it.ioat && {
      version: it.ioat.version === '3.4' ? 0x34 : 0x33,
      largestTransfer: Math.log2(bytesOf(it.ioat['largest-transfer'])),
    },
    memory: it.memory && {
      identity: { vendor: it.memory.vendor, device: it.memory.device, classCode: it.memory.class },
      bars: it.memory.bars.map((bar) => ({ ...bar, size: bytesOf(bar.size) })),
    },
  };
}
