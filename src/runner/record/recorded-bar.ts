/** The memory behind a BAR in a run that is recorded: the device has an image of its own (replay/bar-image.ts). */

import { BarImage } from '../../replay/trace/bar-image.js';
import { SharedMemory } from '../memory/shared-memory.js';

export class RecordedBarMemory extends SharedMemory {
  readonly image: BarImage;

  /** @param device its name in the machine; @param bar index of the region; @param size bytes */
  constructor(device: string, bar: number, size: number) {
    super(`/dev/vfio/devices/${device}`, bar, size);
    this.image = new BarImage(device, bar, size, this.mapped);
    this.view = this.image.view;
  }

  override read(offset: number, into: Uint8Array): void {
    this.image.read(offset, into);
  }

  override write(offset: number, from: Uint8Array): void {
    this.image.write(offset, from);
  }
}
