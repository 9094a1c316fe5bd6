/** The device models by the name that a machine file gives them. */

import type { DeviceModel, DeviceSlot } from '../pci/model.js';
import { DmaEngine } from './dma-engine.js';

export const DEVICE_MODELS = {
  'dma-engine': (slot: DeviceSlot): DeviceModel => new DmaEngine(slot),
} as const;
