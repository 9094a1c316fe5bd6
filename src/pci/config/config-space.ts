/**
 * The configuration space of a function, as its registers really are: a type 0 header, the chain of capabilities and the
 * chain of extended capabilities (PCI Local Bus Specification 3.0, 6.1 and 6.7; PCI Express Base Specification, 7.5
 * and 7.6). What an assigned device shows to its user is made of it elsewhere.
 */
import { type PlacedCapability, placeCapabilities, type Register } from './capability.js';
import type { BarLayout, FunctionLayout } from './layout.js';

/** Registers of the header. */
export const PCI_CONFIG = {
  VENDOR: 0x00,
  DEVICE: 0x02,
  COMMAND: 0x04,
  STATUS: 0x06,
  REVISION: 0x08,
  CACHE_LINE_SIZE: 0x0c,
  BAR0: 0x10,
  SUBSYSTEM_VENDOR: 0x2c,
  SUBSYSTEM: 0x2e,
  ROM: 0x30,
  CAPABILITY_POINTER: 0x34,
  INTERRUPT_LINE: 0x3c,
  INTERRUPT_PIN: 0x3d,
  EXTENDED: 0x100,
} as const;

export const PCI_COMMAND = { IO: 1, MEMORY: 2, BUS_MASTER: 4, PARITY: 0x40, SERR: 0x100, INTX_DISABLE: 0x400 } as const;
export const PCI_STATUS = { INTERRUPT: 8, CAPABILITIES: 0x10 } as const;

/** The ROM decodes its addresses. */
const ROM_ENABLE = 1;
/** The number that Linux gives to the expansion ROM, behind the six BARs. */
export const ROM_BAR = 6;

/** Where the register of a BAR is. @param index 0 to 5, or that of the ROM */
export const barRegister = (index: number): number =>
  index === ROM_BAR ? PCI_CONFIG.ROM : PCI_CONFIG.BAR0 + 4 * index;

/** Error bits of the status register: cleared by writing ones. */
const STATUS_ERRORS = 0xf900;

export class ConfigSpace {
  /** Bytes: 256 or 4096. */
  readonly size: 256 | 4096;
  /** In the order of the chains. */
  readonly capabilities: readonly PlacedCapability[];
  readonly #bytes: DataView;
  readonly #initial: Uint8Array;
  readonly #writable: DataView;
  readonly #clearable: DataView;

  /** @throws RangeError the capabilities do not fit */
  constructor(layout: FunctionLayout) {
    this.size = layout.configSize;
    const space = () => new DataView(new ArrayBuffer(layout.configSize));
    [this.#bytes, this.#writable, this.#clearable] = [space(), space(), space()];
    this.capabilities = placeCapabilities(layout.capabilities, layout.configSize);
    this.#header(layout);
    for (const bar of layout.bars) this.#bar(bar);
    if (layout.romSize) {
      const writable = ((-layout.romSize & ~0x7ff) | ROM_ENABLE) >>> 0;
      this.#register(0, { offset: PCI_CONFIG.ROM, width: 4, value: 0, writable });
    }
    for (const { capability, offset } of this.capabilities)
      for (const register of capability.registers) this.#register(offset, register);
    for (const register of layout.configRegisters ?? []) this.#register(0, register);
    this.#chain(
      this.capabilities.filter(({ capability }) => capability.version === undefined),
      (at, id, next) => {
        this.#bytes.setUint8(at, id);
        this.#bytes.setUint8(at + 1, next);
      },
    );
    this.#chain(
      this.capabilities.filter(({ capability }) => capability.version !== undefined),
      (at, id, next, version) => this.#bytes.setUint32(at, id | (version << 16) | (next << 20), true),
    );
    this.#initial = new Uint8Array(this.#bytes.buffer).slice();
  }

  #header({ identity, interruptPin }: FunctionLayout): void {
    const { IO, MEMORY, BUS_MASTER, PARITY, SERR, INTX_DISABLE } = PCI_COMMAND;
    const header: Register[] = [
      { offset: PCI_CONFIG.VENDOR, width: 2, value: identity.vendor },
      { offset: PCI_CONFIG.DEVICE, width: 2, value: identity.device },
      {
        ...{ offset: PCI_CONFIG.COMMAND, width: 2, value: 0 },
        writable: IO | MEMORY | BUS_MASTER | PARITY | SERR | INTX_DISABLE,
      },
      {
        ...{ offset: PCI_CONFIG.STATUS, width: 2, clearable: STATUS_ERRORS },
        value: this.capabilities.some(({ capability }) => capability.version === undefined)
          ? PCI_STATUS.CAPABILITIES
          : 0,
      },
      { offset: PCI_CONFIG.REVISION, width: 4, value: identity.classCode * 256 + identity.revision },
      { offset: PCI_CONFIG.CACHE_LINE_SIZE, width: 1, value: 0, writable: 0xff },
      { offset: PCI_CONFIG.SUBSYSTEM_VENDOR, width: 2, value: identity.subsystemVendor },
      { offset: PCI_CONFIG.SUBSYSTEM, width: 2, value: identity.subsystem },
      {
        ...{ offset: PCI_CONFIG.CAPABILITY_POINTER, width: 1 },
        value: this.capabilities.find(({ capability }) => capability.version === undefined)?.offset ?? 0,
      },
      { offset: PCI_CONFIG.INTERRUPT_LINE, width: 1, value: 0, writable: 0xff },
      { offset: PCI_CONFIG.INTERRUPT_PIN, width: 1, value: interruptPin },
    ];
    for (const register of header) this.#register(0, register);
  }

  /** Only the bits above a BAR's size can be set: that is how software finds the size (PCI 3.0, 6.2.5.1). */
  #bar({ index, kind, prefetchable, size }: BarLayout): void {
    const type = kind === 'io' ? 1 : (kind === 'memory64' ? 4 : 0) | (prefetchable ? 8 : 0);
    const mask = BigInt.asUintN(kind === 'memory64' ? 64 : 32, -BigInt(size));
    const width = kind === 'memory64' ? 8 : 4;
    this.#register(0, { offset: PCI_CONFIG.BAR0 + index * 4, width, value: type, writable: mask });
  }

  #register(base: number, { offset, width, value, writable = 0, clearable = 0 }: Register): void {
    put(this.#bytes, base + offset, width, value);
    put(this.#writable, base + offset, width, writable);
    put(this.#clearable, base + offset, width, clearable);
  }

  #chain(list: readonly PlacedCapability[], header: (at: number, id: number, next: number, version: number) => void) {
    list.forEach(({ capability, offset }, i) => {
      header(offset, capability.id, list[i + 1]?.offset ?? 0, capability.version ?? 0);
    });
  }

  /**
   * Firmware gives a BAR its address, and whoever resets the function later gives it again.
   * @param index of the BAR, or of the ROM; a 64-bit one takes the next register too
   */
  assign(index: number, address: bigint): void {
    const at = barRegister(index);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, address, true);
    // Registers of a BAR that is not 64 bits wide do not take the upper half: it is zero, and they are another BAR's.
    this.write(at, address < 2n ** 32n ? bytes.subarray(0, 4) : bytes);
    this.#initial.set(new Uint8Array(this.#bytes.buffer, at, 8), at);
  }

  /** Back to the state after power-on, with the addresses that were assigned. */
  reset(): void {
    new Uint8Array(this.#bytes.buffer).set(this.#initial);
  }

  /** Where a capability of the first 256 bytes is; undefined: the function does not have it. */
  find(id: number): number | undefined {
    return this.#find(id, false);
  }

  /** Where an extended capability is; undefined: the function does not have it. */
  findExtended(id: number): number | undefined {
    return this.#find(id, true);
  }

  #find(id: number, extended: boolean): number | undefined {
    return this.capabilities.find(
      ({ capability }) => capability.id === id && (capability.version !== undefined) === extended,
    )?.offset;
  }

  /** Reads bytes, all of them inside the space. */
  read(offset: number, into: Uint8Array): void {
    into.set(new Uint8Array(this.#bytes.buffer, offset, into.length));
  }

  /** Writes bytes as software does: read-only bits stay, bits that are cleared by ones are cleared. */
  write(offset: number, from: Uint8Array): void {
    from.forEach((byte, i) => {
      const at = offset + i;
      const mask = this.#writable.getUint8(at);
      const cleared = this.#clearable.getUint8(at) & byte;
      this.#bytes.setUint8(at, ((this.#bytes.getUint8(at) & ~mask) | (byte & mask)) & ~cleared);
    });
  }

  /** The bits of a byte that a write can change, either way. */
  writableBits(offset: number): number {
    return this.#writable.getUint8(offset) | this.#clearable.getUint8(offset);
  }

  get8(offset: number): number {
    return this.#bytes.getUint8(offset);
  }
  get16(offset: number): number {
    return this.#bytes.getUint16(offset, true);
  }
  get32(offset: number): number {
    return this.#bytes.getUint32(offset, true);
  }
  /** Changes a register as the function itself does: no bit is protected. */
  set16(offset: number, value: number): void {
    this.#bytes.setUint16(offset, value, true);
  }
  /** See set16(). */
  set32(offset: number, value: number): void {
    this.#bytes.setUint32(offset, value, true);
  }
}

function put(view: DataView, offset: number, width: Register['width'], value: number | bigint): void {
  for (let i = 0, rest = BigInt(value); i < width; i++, rest >>= 8n) view.setUint8(offset + i, Number(rest & 0xffn));
}
