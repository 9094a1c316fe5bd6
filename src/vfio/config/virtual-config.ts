/**
 * The configuration space of an open device as its user sees it (linux-vfio.md, 5.4 and 7): an image made from the
 * hardware at first open. Each bit is the image's or the hardware's, and may be written or not.
 */
import { hex } from '../../abi/address.js';
import { Errno } from '../../abi/errno.js';
import { type Capability, CapabilityMap } from './capability-map.js';
import type { ConfigEffects, ConfigFacts, HardwareConfig, Width } from './hardware.js';
import { ConfigImage } from './image.js';
import { fixBars, isBar } from './virtual-bars.js';
import { afterWrite, beforeWrite } from './write-effects.js';

const COMMAND = 0x04;
const COMMAND_MEMORY = 2;
const POWER_MANAGEMENT = 1;

export class VirtualConfig {
  readonly #hw: HardwareConfig;
  readonly #facts: ConfigFacts;
  readonly #effects: ConfigEffects;
  readonly #map: CapabilityMap;
  readonly #image: ConfigImage;
  /** The BARs as the hardware had them, to write them again after a reset that nobody announced. */
  readonly #realBars: readonly number[];

  /** @param hideIntx the function's interrupt line cannot be used: its pin reads 0 */
  constructor(hw: HardwareConfig, facts: ConfigFacts, effects: ConfigEffects, hideIntx: boolean) {
    this.#hw = hw;
    this.#facts = facts;
    this.#effects = effects;
    this.#map = new CapabilityMap(hw);
    this.#image = new ConfigImage(this.#map.image);
    this.#realBars = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30].map((at) => hw.read(at, 4));
    this.#image.set(0x00, 2, facts.vendor);
    this.#image.set(0x02, 2, facts.device);
    if (facts.virtualFunction) this.#image.set(COMMAND, 2, this.#image.get(COMMAND, 2) | COMMAND_MEMORY);
    if (facts.virtualFunction || hideIntx) this.#image.set(0x3d, 1, 0);
    for (const capability of this.#map.shown) {
      if (capability.extended || capability.id !== POWER_MANAGEMENT) continue;
      // A user cannot take part in wake-up, so that it is not offered.
      this.#image.set(capability.start + 2, 2, this.#image.get(capability.start + 2, 2) & 0x07ff);
      this.#image.set(capability.start + 4, 2, this.#image.get(capability.start + 4, 2) & ~0x8100);
    }
  }

  /** Bytes: 256 or 4096. */
  get size(): number {
    return this.#hw.size;
  }

  /** Accesses to memory BARs are possible: the remembered memory enable bit; always so for a virtual function. */
  get memoryEnabled(): boolean {
    return this.#facts.virtualFunction || (this.#image.get(COMMAND, 2) & COMMAND_MEMORY) !== 0;
  }

  /** The virtual interrupt pin, 0 to 4; 0: no INTx. */
  get interruptPin(): number {
    return this.#image.get(0x3d, 1);
  }

  /** Where a standard capability starts that the user sees; undefined: none. */
  find(id: number): number | undefined {
    return this.#map.shown.find((it) => !it.extended && it.id === id)?.start;
  }

  /** Reads any bytes of it. @throws EFAULT beyond the end */
  read(offset: bigint, into: Uint8Array): void {
    this.#check(offset, into.length);
    const view = new DataView(into.buffer, into.byteOffset, into.length);
    for (let done = 0; done < into.length; ) {
      const at = Number(offset) + done;
      const width = this.#piece(at, into.length - done);
      put(view, done, width, this.#readPiece(at, width));
      done += width;
    }
  }

  /** Writes any bytes of it; bits that cannot be written keep their value. @throws EFAULT beyond the end */
  write(offset: bigint, from: Uint8Array): void {
    this.#check(offset, from.length);
    const view = new DataView(from.buffer, from.byteOffset, from.length);
    for (let done = 0; done < from.length; ) {
      const at = Number(offset) + done;
      const width = this.#piece(at, from.length - done);
      this.#writePiece(at, width, get(view, done, width));
      done += width;
    }
  }

  #check(offset: bigint, count: number): void {
    if (offset >= BigInt(this.size) || offset + BigInt(count) > BigInt(this.size)) {
      throw new Errno('EFAULT', `${hex(offset)}+${count} is outside the ${this.size} bytes of configuration space`);
    }
  }

  /** The largest aligned piece that crosses neither a dword nor a capability. */
  #piece(at: number, count: number): Width {
    const owner = this.#map.at(at);
    let room = 1;
    while ((at + room) % 4 !== 0 && this.#map.at(at + room) === owner) room++;
    const most = Math.min(room, count);
    if (most >= 4 && at % 4 === 0) return 4;
    return most >= 2 && at % 2 === 0 ? 2 : 1;
  }

  #readPiece(at: number, width: Width): number {
    const capability = this.#map.at(at);
    if (!capability) return this.#hw.read(at, width);
    if (capability.start === 0 && isBar(at)) fixBars(this.#image, this.#facts);
    const virtual = virtualBits(capability, at, width);
    const value = virtual === ones(width) ? 0 : this.#hw.read(at, width) & ~virtual;
    const result = (value | (this.#image.get(at, width) & virtual)) >>> 0;
    if (at !== COMMAND || !this.#facts.virtualFunction) return result;
    return result | (this.#image.get(COMMAND, 2) & COMMAND_MEMORY);
  }

  #writePiece(at: number, width: Width, value: number): void {
    const capability = this.#map.at(at);
    if (!capability) {
      this.#hw.write(at, width, value);
      return;
    }
    const { permissions } = capability;
    if (!permissions) {
      if (capability.rawWrites) this.#hw.write(at, width, value);
      return;
    }
    const context = { hw: this.#hw, image: this.#image, facts: this.#facts, effects: this.#effects };
    const access = { capability, at, width, value };
    const before = beforeWrite(context, access, this.#realBars);
    const writable = bitsOf(permissions.writable, at - capability.start, width);
    const virtual = bitsOf(permissions.virtual, at - capability.start, width);
    const toImage = writable & virtual;
    const toHardware = writable & ~virtual;
    if (toImage !== 0) this.#image.set(at, width, (this.#image.get(at, width) & ~toImage) | (value & toImage));
    if (toHardware !== 0) {
      this.#hw.write(at, width, ((this.#hw.read(at, width) & ~toHardware) | (value & toHardware)) >>> 0);
    }
    afterWrite(context, access, before);
  }
}

/** Which bits of a piece come from the image. */
function virtualBits(capability: Capability, at: number, width: Width): number {
  if (capability.permissions) return bitsOf(capability.permissions.virtual, at - capability.start, width);
  // The list's own fields: id and next pointer, or the whole header of an extended one.
  const list = capability.extended ? 4 : 2;
  let bits = 0;
  for (let i = 0; i < width; i++) if (at + i - capability.start < list) bits |= 0xff << (8 * i);
  return bits >>> 0;
}

function bitsOf(table: Uint8Array, offset: number, width: Width): number {
  let bits = 0;
  for (let i = 0; i < width; i++) bits |= (table[offset + i] ?? 0) << (8 * i);
  return bits >>> 0;
}

const ones = (width: Width): number => (width === 4 ? 0xffff_ffff : (1 << (8 * width)) - 1);

function get(view: DataView, at: number, width: Width): number {
  return width === 4 ? view.getUint32(at, true) : width === 2 ? view.getUint16(at, true) : view.getUint8(at);
}

function put(view: DataView, at: number, width: Width, value: number): void {
  if (width === 4) view.setUint32(at, value, true);
  else if (width === 2) view.setUint16(at, value, true);
  else view.setUint8(at, value);
}
