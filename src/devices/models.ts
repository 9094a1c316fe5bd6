/** The device models by the name that a machine file gives them. */
import { DmaEngine } from './dma-engine.js';
import type { DeviceModel, DeviceSlot } from './model.js';

export const DEVICE_MODELS = {
  'dma-engine': (slot: DeviceSlot): DeviceModel => new DmaEngine(slot),
} as const;
