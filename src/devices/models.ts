/** The device models by the name that a machine file gives them. */
import type { DeviceModel, DeviceSlot } from '../pci/model.js';
import { DmaEngine } from './dma-engine.js';
import { Edu } from './edu/edu.js';
import { Ioat } from './ioat/ioat.js';
import { MemoryFunction } from './memory-function.js';
import { Nvme } from './nvme/nvme.js';
import type { ModelOptions } from './options.js';

export const DEVICE_MODELS = {
  'dma-engine': (slot: DeviceSlot): DeviceModel => new DmaEngine(slot),
  edu: (slot: DeviceSlot, options: ModelOptions): DeviceModel => new Edu(slot, options),
  ioat: (slot: DeviceSlot, options: ModelOptions): DeviceModel => new Ioat(slot, options),
  memory: (slot: DeviceSlot, options: ModelOptions): DeviceModel => new MemoryFunction(slot, options),
  nvme: (slot: DeviceSlot, options: ModelOptions): DeviceModel => new Nvme(slot, options),
} as const;
