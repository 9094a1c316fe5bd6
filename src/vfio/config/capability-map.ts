/**
 * Which capability each byte of configuration space belongs to, and which capabilities a user sees (linux-vfio.md, 7;
 * PCI Local Bus 3.0, 6.7; PCI Express Base, 7.6). What is not shown is unlinked from its list; its bytes are raw.
 */
import type { HardwareConfig } from './hardware.js';
import { BASIC, EXTENDED, msiPermissions, type Permissions, RAW_WRITES, STANDARD } from './permissions.js';

export const STANDARD_SIZE = 256;
const HEADER_SIZE = 64;
const STATUS = 0x06;
const STATUS_CAPABILITIES = 0x10;
const CAPABILITY_POINTER = 0x34;
/** A list cannot be longer than this without a loop. */
const MOST_STANDARD = (STANDARD_SIZE - HEADER_SIZE) / 4;

/** One shown capability, or the header, or a placeholder that only anchors the extended list. */
export interface Capability {
  readonly id: number;
  readonly extended: boolean;
  readonly start: number;
  /** Bytes. */
  readonly length: number;
  /** Undefined: read from the hardware, with the list's own fields from the image. */
  readonly permissions: Permissions | undefined;
  /** Writes without permissions: dropped, or to the hardware as they are. */
  readonly rawWrites: boolean;
}

/** Length of each standard capability that is shown, bytes, or how to find it. */
const STANDARD_LENGTH: Readonly<Record<number, number | ((hw: HardwareConfig, at: number) => number)>> = {
  1: 8,
  2: 12,
  3: 8,
  5: (hw, at) => {
    const control = hw.read(at + 2, 2);
    return 10 + (control & 0x80 ? 4 : 0) + (control & 0x100 ? 10 : 0);
  },
  7: (hw, at) => (hw.read(at + 2, 2) & 0x3000 ? 24 : 8),
  8: (hw, at) => (hw.read(at + 3, 1) & 0xe0 ? 8 : 28),
  9: (hw, at) => hw.read(at + 2, 1),
  16: (hw, at) => {
    const flags = hw.read(at + 2, 2);
    const integrated = (flags & 0xf0) >>> 4 === 9; // a root complex integrated endpoint has no link
    if ((flags & 15) > 1) return integrated ? 0x2c : 0x3c;
    return integrated ? 12 : 20;
  },
  17: 12,
  18: (hw, at) => ((hw.read(at + 4, 1) & 15) === 15 ? 16 : 8),
  19: 6,
};

/** Arbitration tables lie behind the registers of a virtual channel capability. */
function virtualChannelLength(hw: HardwareConfig, at: number): number {
  const ports = hw.read(at + 4, 4);
  const counted = (ports & 7) + 1;
  const phases = hw.read(at + 8, 1);
  const most = phases & 8 ? 128 : phases & 4 ? 64 : phases & 2 ? 32 : 0;
  const length = 16 + counted * 12;
  return most === 0 ? length : Math.ceil(length / 16) * 16 + most / 2;
}

const EXTENDED_LENGTH: Readonly<Record<number, number | ((hw: HardwareConfig, at: number) => number)>> = {
  1: 0x2c,
  2: virtualChannelLength,
  3: 12,
  4: 16,
  8: virtualChannelLength,
  9: virtualChannelLength,
  11: (hw, at) => hw.read(at + 4, 4) >>> 20,
  13: (hw, at) => {
    const capability = hw.read(at + 4, 2);
    if ((capability & 0x20) === 0) return 8;
    return 8 + 4 * Math.ceil((capability >>> 8 || 256) / 32);
  },
  14: 8,
  15: 8,
  16: 64,
  18: 48,
  19: 16,
  21: (hw, at) => 4 + 8 * ((hw.read(at + 8, 4) & 0xe0) >>> 5),
  22: (hw, at) => Math.ceil((16 + (hw.read(at + 4, 1) & 31) + 1) / 4) * 4,
  23: (hw, at) => {
    const capability = hw.read(at + 4, 4);
    const inCapability = ((capability >>> 9) & 3) === 1;
    return inCapability ? Math.ceil((12 + 2 * (((capability >>> 16) & 0x7ff) + 1)) / 4) * 4 : 12;
  },
  24: 8,
  35: (hw, at) => hw.read(at + 4, 4) >>> 20,
};

export class CapabilityMap {
  /** The initial image: what was read from the hardware, with the lists as the user sees them. */
  readonly image: Uint8Array;
  readonly #owner: (Capability | undefined)[];
  readonly #shown: Capability[] = [];

  constructor(hw: HardwareConfig) {
    this.image = new Uint8Array(hw.size);
    this.#owner = new Array<Capability | undefined>(hw.size);
    this.#add(hw, {
      id: 0,
      extended: false,
      start: 0,
      length: HEADER_SIZE,
      permissions: BASIC,
      rawWrites: false,
    });
    this.#standard(hw);
    if (hw.size > STANDARD_SIZE && hasExtended(hw)) this.#extended(hw);
  }

  /** What a byte belongs to; undefined: nothing that is shown. */
  at(offset: number): Capability | undefined {
    return this.#owner[offset];
  }

  /** The capabilities a user sees, without the header and placeholders. */
  get shown(): readonly Capability[] {
    return this.#shown;
  }

  #standard(hw: HardwareConfig): void {
    if ((hw.read(STATUS, 2) & STATUS_CAPABILITIES) === 0) return;
    let link = CAPABILITY_POINTER;
    let at = hw.read(CAPABILITY_POINTER, 1) & ~3;
    for (let left = MOST_STANDARD; at >= HEADER_SIZE && left > 0; left--) {
      const id = hw.read(at, 1);
      const next = hw.read(at + 1, 1);
      const length = lengthOf(STANDARD_LENGTH, id, hw, at);
      if (length === 0) this.image[link] = next;
      else {
        const permissions = id === 5 ? msiPermissions(hw.read(at + 2, 2)) : STANDARD.get(id);
        this.#show(hw, { id, extended: false, start: at, length, permissions, rawWrites: RAW_WRITES.standard.has(id) });
        link = at + 1;
      }
      at = next & ~3;
    }
    if (this.#shown.length === 0) this.image[STATUS] = (this.image[STATUS] ?? 0) & ~STATUS_CAPABILITIES;
  }

  #extended(hw: HardwareConfig): void {
    const view = new DataView(this.image.buffer);
    const before = this.#shown.length;
    let link: number | undefined;
    let at = STANDARD_SIZE;
    for (let left = (hw.size - STANDARD_SIZE) / 4; at >= STANDARD_SIZE && left > 0; left--) {
      const header = hw.read(at, 4);
      const id = header & 0xffff;
      const next = (header >>> 20) & 0xffc;
      const length = lengthOf(EXTENDED_LENGTH, id, hw, at);
      const rawWrites = RAW_WRITES.extended.has(id);
      if (length > 0) {
        this.#show(hw, { id, extended: true, start: at, length, permissions: EXTENDED.get(id), rawWrites });
        link = at;
      } else if (link === undefined) {
        // The first one anchors the list, so it stays without a name.
        this.#add(hw, { id: 0, extended: true, start: at, length: 4, permissions: undefined, rawWrites: false });
        view.setUint32(at, (next << 20) >>> 0, true);
        link = at;
      } else view.setUint32(link, ((view.getUint32(link, true) & 0x000f_ffff) | (next << 20)) >>> 0, true);
      at = next;
    }
    if (this.#shown.length === before) view.setUint32(STANDARD_SIZE, 0, true);
  }

  #show(hw: HardwareConfig, capability: Capability): void {
    this.#add(hw, capability);
    this.#shown.push(capability);
  }

  #add(hw: HardwareConfig, capability: Capability): void {
    const end = Math.min(
      capability.start + capability.length,
      capability.start < STANDARD_SIZE ? STANDARD_SIZE : hw.size,
    );
    for (let offset = capability.start; offset < end; offset++) {
      this.#owner[offset] = capability;
      this.image[offset] = hw.read(offset, 1);
    }
  }
}

function hasExtended(hw: HardwareConfig): boolean {
  const header = hw.read(STANDARD_SIZE, 4) >>> 0;
  return header !== 0 && header !== 0xffff_ffff;
}

function lengthOf(table: typeof STANDARD_LENGTH, id: number, hw: HardwareConfig, at: number): number {
  const length = table[id] ?? 0;
  return typeof length === 'number' ? length : length(hw, at);
}
