/**
 * PCI configuration space as VFIO gives it: an ordinary 256-byte header and an MSI-X capability
 * (PCI Local Bus Specification 3.0, 6.1 and 6.8.2). Reads and writes are of any size and alignment.
 */

import type { DeviceModel } from '../devices/model.js';
import type { DmaPort } from '../iommu/dma.js';

export const CONFIG_SIZE = 256;

const COMMAND = 0x04;
const COMMAND_MEMORY = 2;
const COMMAND_BUS_MASTER = 4;
const COMMAND_INTX_DISABLE = 0x400;
const STATUS = 0x06;
const STATUS_CAPABILITIES = 0x10;
const CLASS_REVISION = 0x08;
const CACHE_LINE_SIZE = 0x0c;
const BAR0 = 0x10;
const BAR2 = 0x18;
const SUBSYSTEM = 0x2c;
const CAPABILITY_POINTER = 0x34;
const INTERRUPT_LINE = 0x3c;
const MSIX = 0x40;
const MSIX_ID = 0x11;
const MSIX_CONTROL = MSIX + 2;
const MSIX_ENABLE_AND_MASK = 0xc000;
/** The MSI-X table and pending bits lie behind the registers, in BAR0. */
const MSIX_TABLE = 0x800;
const MSIX_PENDING = 0xc00;

export class ConfigSpace {
  readonly #model: DeviceModel;
  readonly #port: DmaPort;
  readonly #bytes = new DataView(new ArrayBuffer(CONFIG_SIZE));
  /** Bits that software can change. */
  readonly #writable = new DataView(new ArrayBuffer(CONFIG_SIZE));

  constructor(model: DeviceModel, port: DmaPort) {
    this.#model = model;
    this.#port = port;
    const w = this.#writable;
    w.setUint16(COMMAND, COMMAND_MEMORY | COMMAND_BUS_MASTER | COMMAND_INTX_DISABLE, true);
    w.setUint8(CACHE_LINE_SIZE, 0xff);
    // Only the bits above a BAR's size can be set: that is how software finds the size.
    w.setUint32(BAR0, -model.registerSize, true);
    w.setUint32(BAR2, -model.memory.size, true);
    w.setUint8(INTERRUPT_LINE, 0xff);
    w.setUint16(MSIX_CONTROL, MSIX_ENABLE_AND_MASK, true);
    this.reset();
  }

  /** As the host leaves an assigned device: memory decoding and bus mastering on. */
  reset(): void {
    const b = this.#bytes;
    for (let offset = 0; offset < CONFIG_SIZE; offset += 4) b.setUint32(offset, 0, true);
    b.setUint16(0x00, this.#model.vendor, true);
    b.setUint16(0x02, this.#model.device, true);
    b.setUint16(COMMAND, COMMAND_MEMORY | COMMAND_BUS_MASTER, true);
    b.setUint16(STATUS, STATUS_CAPABILITIES, true);
    b.setUint32(CLASS_REVISION, (this.#model.classCode << 8) | 1, true);
    b.setUint16(SUBSYSTEM, this.#model.vendor, true);
    b.setUint16(SUBSYSTEM + 2, this.#model.device, true);
    b.setUint8(CAPABILITY_POINTER, MSIX);
    b.setUint8(MSIX, MSIX_ID);
    b.setUint16(MSIX_CONTROL, this.#model.vectors - 1, true);
    b.setUint32(MSIX + 4, MSIX_TABLE, true);
    b.setUint32(MSIX + 8, MSIX_PENDING, true);
    this.#port.busMaster = true;
  }

  read(offset: number, into: Uint8Array): void {
    into.set(new Uint8Array(this.#bytes.buffer, offset, into.length));
  }

  write(offset: number, from: Uint8Array): void {
    from.forEach((byte, i) => {
      const mask = this.#writable.getUint8(offset + i);
      this.#bytes.setUint8(offset + i, (this.#bytes.getUint8(offset + i) & ~mask) | (byte & mask));
    });
    this.#port.busMaster = (this.#bytes.getUint16(COMMAND, true) & COMMAND_BUS_MASTER) !== 0;
  }
}
