/**
 * What the kernel does when a user writes configuration space (linux-vfio.md, 7): decode and INTx-disable in the command
 * register, power states, MSI enable, function reset, read request size, vital product data.
 */
import type { Capability } from './capability-map.js';
import type { ConfigEffects, ConfigFacts, HardwareConfig, Width } from './hardware.js';
import type { ConfigImage } from './image.js';

const COMMAND = 0x04;
const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;
const COMMAND_INTX_DISABLE = 0x400;
const BAR_OFFSETS = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30];

const MSI_ENABLE = 1;
const MSI_QUEUE_SHIFT = 4;
const MSI_QUEUE_SIZE = 7 << MSI_QUEUE_SHIFT;
const FLR = 0x8000;
const READ_REQUEST = 0x7000;
const PAYLOAD = 0xe0;
const CAPABLE_OF_FLR = 0x1000_0000;

/** What a write reaches. */
export interface WriteContext {
  readonly hw: HardwareConfig;
  readonly image: ConfigImage;
  readonly facts: ConfigFacts;
  readonly effects: ConfigEffects;
}

/** One piece of a write: it lies in one dword and one capability. */
export interface PieceWrite {
  readonly capability: Capability;
  readonly at: number;
  readonly width: Width;
  readonly value: number;
}

/** What afterWrite() compares with. */
export interface Before {
  readonly intxDisabled: boolean;
  readonly readRequest: number;
}

const touches = ({ at, width }: PieceWrite, offset: number): boolean => at <= offset && at + width > offset;

/** Before the bits are stored: real BARs that were lost come back. */
export function beforeWrite(context: WriteContext, write: PieceWrite, realBars: readonly number[]): Before {
  const { hw, image, facts } = context;
  const { capability, at, value } = write;
  if (capability.start === 0 && at === COMMAND) {
    const real = hw.read(COMMAND, 2);
    const lost = value & image.get(COMMAND, 2) & ~real & (COMMAND_MEMORY | COMMAND_IO);
    const moved = realBars.some((bar, i) => i < 6 && bar !== 0 && hw.read(BAR_OFFSETS[i] ?? 0, 4) !== bar);
    if (!facts.virtualFunction && (lost !== 0 || moved)) {
      for (const [i, bar] of realBars.entries()) hw.write(BAR_OFFSETS[i] ?? 0, 4, bar);
    }
  }
  const express = !capability.extended && capability.id === 0x10;
  return {
    intxDisabled: (image.get(COMMAND, 2) & COMMAND_INTX_DISABLE) !== 0,
    readRequest: express ? image.get(capability.start + 8, 2) & READ_REQUEST : 0,
  };
}

/** After the bits are stored. */
export function afterWrite(context: WriteContext, write: PieceWrite, before: Before): void {
  const { capability } = write;
  if (capability.extended) return;
  switch (capability.id) {
    case 0:
      command(context, write, before);
      return;
    case 0x01:
      if (write.at === capability.start + 4) context.effects.powerState(write.value & 3);
      return;
    case 0x03:
      vitalProductData(context, write);
      return;
    case 0x05:
      messageControl(context, write);
      return;
    case 0x10:
      expressControl(context, write, before);
      return;
    case 0x13:
      advancedFeatures(context, write);
      return;
  }
}

function command({ image, effects }: WriteContext, { at, value }: PieceWrite, before: Before): void {
  if (at === COMMAND) {
    const decode = COMMAND_MEMORY | COMMAND_IO;
    image.set(COMMAND, 2, (image.get(COMMAND, 2) & ~decode) | (value & decode));
  }
  if (at !== COMMAND && at !== COMMAND + 1) return;
  const disabled = (image.get(COMMAND, 2) & COMMAND_INTX_DISABLE) !== 0;
  if (disabled !== before.intxDisabled) effects.intxDisabled(disabled);
}

/** The kernel moves one dword and turns the flag over; data of a device without a store reads as zero. */
function vitalProductData({ hw, image }: WriteContext, write: PieceWrite): void {
  const { start } = write.capability;
  if (!touches(write, start + 3)) return;
  const address = image.get(start + 2, 2);
  if (address & 0x8000) {
    hw.write(start + 4, 4, image.get(start + 4, 4));
    hw.write(start + 2, 2, address);
  } else {
    hw.write(start + 2, 2, address);
    image.set(start + 4, 4, hw.read(start + 4, 4));
  }
  image.set(start + 2, 2, address ^ 0x8000);
}

/** MSI is on only while SET_IRQS has it active, with no more messages than were enabled there. */
function messageControl({ hw, image, effects }: WriteContext, write: PieceWrite): void {
  const at = write.capability.start + 2;
  if (!touches(write, at)) return;
  const most = effects.msiQueueMax;
  let control = image.get(at, 2);
  if (most === undefined) control &= ~MSI_ENABLE;
  if ((control & MSI_QUEUE_SIZE) >>> MSI_QUEUE_SHIFT > (most ?? 0)) {
    control = (control & ~MSI_QUEUE_SIZE) | ((most ?? 0) << MSI_QUEUE_SHIFT);
  }
  image.set(at, 2, control);
  hw.write(at, 2, control);
}

function expressControl({ hw, image, effects }: WriteContext, write: PieceWrite, before: Before): void {
  const { start } = write.capability;
  const at = start + 8;
  const control = image.get(at, 2);
  if (control & FLR) {
    image.set(at, 2, control & ~FLR);
    if (hw.read(start + 4, 4) & CAPABLE_OF_FLR) effects.functionReset();
  }
  const wanted = control & READ_REQUEST;
  if (wanted === before.readRequest) return;
  // Requests smaller than the payload would only slow the link down.
  const real = hw.read(at, 2);
  const floor = (real & PAYLOAD) << 7;
  hw.write(at, 2, (real & ~READ_REQUEST) | Math.max(wanted, floor));
}

function advancedFeatures({ hw, image, effects }: WriteContext, write: PieceWrite): void {
  const at = write.capability.start + 4;
  if ((image.get(at, 1) & 1) === 0) return;
  image.set(at, 1, image.get(at, 1) & ~1);
  // Transactions pending and FLR are both needed.
  if ((hw.read(write.capability.start + 3, 1) & 3) === 3) effects.functionReset();
}
