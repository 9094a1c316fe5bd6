/**
 * The DMA engine (uapi-ioasid.md, section 6): a PCI function that copies, fills and sums memory by DMA.
 *
 * The register file is bytes, as software sees it. A command runs when the doorbell is written, and is complete before
 * that write returns, unless it waits for a page: then it stays busy, and goes on when the page request is answered. All
 * of it moves in pieces of at most 1 MiB; each page is translated and checked.
 */
import { DMAE, IOASID_DMAE_SRC_BAR2 } from '../abi/ioasid/constants.js';
import type { DmaAttributes, DmaResult } from '../iommu/dma.js';
import { DMA_FAULT, type DmaFault } from '../iommu/domain.js';
import type { PageRequestGroup } from '../iommu/page-request.js';
import type { AccessWidth, FunctionLayout } from '../pci/config/layout.js';
import { msix } from '../pci/config/standard-capabilities.js';
import type { DeviceMemory } from '../pci/memory.js';
import type { DeviceModel, DeviceSlot } from '../pci/model.js';

const STATUS_BUSY = 1;
const STATUS_DONE = 2;
const STATUS_ERROR = 4;

const FLAG_NO_SNOOP = 1;
const FLAG_PASID = 2;
const FLAG_INTERRUPT_DONE = 4;
const FLAG_INTERRUPT_ERROR = 8;

const COMMAND_COPY = 0;
const COMMAND_FILL = 1;
const COMMAND_CHECKSUM = 2;

const RESULT_BAD_COMMAND = 5;
/** RESULT on an error, by what the IOMMU says. An address in BAR2 that does not exist is a bad command. */
const RESULT: Readonly<Record<DmaFault, number>> = {
  [DMA_FAULT.NONE]: RESULT_BAD_COMMAND,
  [DMA_FAULT.NOT_MAPPED]: 1,
  [DMA_FAULT.NO_PERMISSION]: 2,
  [DMA_FAULT.BLOCKED]: 3,
  [DMA_FAULT.ABORTED]: 4,
};

const IDENTITY = {
  ...{ vendor: 0x1d0a, device: 0x0a51, subsystemVendor: 0x1d0a, subsystem: 0x0a51 },
  ...{ classCode: 0x088000, revision: 1 },
};
const REGISTER_SIZE = 4096;
const MEMORY_SIZE = 64 * 1024;
/** Most bytes of one command. */
const MAX_LENGTH = 16 << 20;
/** Bytes moved in one piece. */
const PIECE = 1 << 20;

/** Why a command stopped, at which address, and in which direction. */
interface Stop {
  readonly fault: DmaFault;
  readonly address: bigint;
  readonly write: boolean;
}

/** A command on its way: what the registers said when it started, and how far it came. */
interface Command {
  readonly kind: number;
  readonly source: bigint;
  readonly target: bigint;
  readonly length: number;
  readonly attributes: DmaAttributes;
  done: number;
  sum: number;
  /** The pages that it waits for. */
  waits?: PageRequestGroup | undefined;
}

export class DmaEngine implements DeviceModel {
  readonly layout: FunctionLayout;
  readonly #memory: DeviceMemory;
  readonly #slot: DeviceSlot;
  readonly #registers = new DataView(new ArrayBuffer(0x40));
  /** Bytes on their way; made at the first command. */
  #buffer = new Uint8Array(0);
  /** What runs or waits; undefined: nothing. */
  #command: Command | undefined;

  constructor(slot: DeviceSlot) {
    this.#slot = slot;
    this.#memory = slot.memory(2, MEMORY_SIZE);
    this.layout = {
      identity: IDENTITY,
      ...{ configSize: 256, interruptPin: 0 },
      // The table and the pending bits lie behind the registers.
      capabilities: [msix({ vectors: 2, bar: 0, table: 0x800, pending: 0xc00 })],
      bars: [
        {
          ...{ index: 0, kind: 'memory32', prefetchable: false, size: REGISTER_SIZE },
          windows: [
            {
              ...{ kind: 'trapped', offset: 0, size: REGISTER_SIZE, widths: [4, 8] },
              read: (offset, width) => this.#read(offset, width),
              write: (offset, width, value) => this.#write(offset, width, value),
            },
          ],
        },
        {
          ...{ index: 2, kind: 'memory32', prefetchable: false, size: MEMORY_SIZE, memory: this.#memory },
          windows: [{ kind: 'memory', offset: 0, size: MEMORY_SIZE }],
        },
      ],
    };
    this.reset();
  }

  reset(): void {
    this.#command?.waits?.cancel();
    this.#command = undefined;
    for (let offset = 0; offset < this.#registers.byteLength; offset += 4) this.#set(offset, 0);
    this.#set(DMAE.IOASID_DMAE_REG_ID, DMAE.IOASID_DMAE_ID);
  }

  #read(offset: number, size: AccessWidth): bigint {
    // There are no registers behind the file: such addresses read as zero.
    if (offset >= this.#registers.byteLength) return 0n;
    return size === 4 ? BigInt(this.#get(offset)) : this.#registers.getBigUint64(offset, true);
  }

  #write(offset: number, size: AccessWidth, value: bigint): void {
    this.#writeWord(offset, Number(value & 0xffff_ffffn));
    if (size === 8) this.#writeWord(offset + 4, Number(value >> 32n));
  }

  #writeWord(offset: number, value: number): void {
    switch (offset) {
      case DMAE.IOASID_DMAE_REG_STATUS:
        this.#set(offset, this.#get(offset) & ~(value & (STATUS_DONE | STATUS_ERROR)));
        return;
      case DMAE.IOASID_DMAE_REG_DOORBELL:
        this.#start();
        return;
      case DMAE.IOASID_DMAE_REG_ID:
      case DMAE.IOASID_DMAE_REG_RESULT:
      case DMAE.IOASID_DMAE_REG_FAULT_ADDR:
      case DMAE.IOASID_DMAE_REG_FAULT_ADDR + 4:
        return; // read-only
      default:
        if (offset < this.#registers.byteLength) this.#set(offset, value);
    }
  }

  #get(offset: number): number {
    return this.#registers.getUint32(offset, true);
  }
  #set(offset: number, value: number): void {
    this.#registers.setUint32(offset, value, true);
  }
  #get64(offset: number): bigint {
    return this.#registers.getBigUint64(offset, true);
  }

  /** ENQCMD: runs the command that the registers describe, tagged with the PASID of the caller. */
  enqueue(wire: number): boolean {
    if (this.#command) return false;
    this.#start(wire);
    return true;
  }

  #start(wire?: number): void {
    if (this.#command) return;
    const flags = this.#get(DMAE.IOASID_DMAE_REG_FLAGS);
    const attributes: DmaAttributes = {
      noSnoop: (flags & FLAG_NO_SNOOP) !== 0 && this.#slot.dma.requester.capabilities.noSnoop,
      pasid: flags & FLAG_PASID ? this.#get(DMAE.IOASID_DMAE_REG_PASID) : undefined,
      wire,
    };
    this.#command = {
      kind: this.#get(DMAE.IOASID_DMAE_REG_COMMAND),
      source: this.#get64(DMAE.IOASID_DMAE_REG_SRC),
      target: this.#get64(DMAE.IOASID_DMAE_REG_DST),
      length: this.#get(DMAE.IOASID_DMAE_REG_LENGTH),
      attributes,
      done: 0,
      sum: 0,
    };
    this.#set(DMAE.IOASID_DMAE_REG_STATUS, STATUS_BUSY);
    this.#registers.setBigUint64(DMAE.IOASID_DMAE_REG_FAULT_ADDR, 0n, true);
    this.#set(DMAE.IOASID_DMAE_REG_RESULT, 0);
    this.#continue(this.#command);
  }

  /** Goes on until the end, a fault that nobody answers, or a page request. */
  #continue(command: Command): void {
    const stop = this.#run(command);
    if (!stop || !this.#ask(command, stop)) this.#finish(command, stop);
  }

  /** Asks for the page that is missing. Returns false if nobody can be asked. */
  #ask(command: Command, stop: Stop): boolean {
    const page = { address: stop.address, write: stop.write };
    command.waits = this.#slot.dma.request(stop.fault, [page], command.attributes, (response) => {
      command.waits = undefined;
      if (response === 'success') this.#continue(command);
      else this.#finish(command, { ...stop, fault: DMA_FAULT.ABORTED });
    });
    return command.waits !== undefined;
  }

  #finish(command: Command, stop: Stop | undefined): void {
    this.#command = undefined;
    if (stop) {
      this.#set(DMAE.IOASID_DMAE_REG_RESULT, RESULT[stop.fault]);
      this.#registers.setBigUint64(DMAE.IOASID_DMAE_REG_FAULT_ADDR, stop.address, true);
    } else if (command.kind === COMMAND_CHECKSUM) {
      this.#set(DMAE.IOASID_DMAE_REG_RESULT, command.sum >>> 0);
    }
    this.#set(DMAE.IOASID_DMAE_REG_STATUS, stop ? STATUS_ERROR : STATUS_DONE);
    const flags = this.#get(DMAE.IOASID_DMAE_REG_FLAGS);
    if (stop ? flags & FLAG_INTERRUPT_ERROR : flags & FLAG_INTERRUPT_DONE) this.#slot.interrupt(stop ? 1 : 0);
  }

  /** Moves what is left of a command. Returns why it stopped early. */
  #run(command: Command): Stop | undefined {
    const { kind, source, target, length, attributes } = command;
    const known = kind === COMMAND_COPY || kind === COMMAND_FILL || kind === COMMAND_CHECKSUM;
    if (!known || length > MAX_LENGTH) return { fault: DMA_FAULT.NONE, address: 0n, write: false };
    let phase: number | undefined;
    while (command.done < length) {
      const bytes = this.#piece(Math.min(length - command.done, PIECE));
      const at = BigInt(command.done);
      let got: DmaResult = { moved: bytes.length, fault: DMA_FAULT.NONE };
      if (kind === COMMAND_FILL) {
        // The first piece is the longest: what it was filled with serves the next ones.
        if (command.done % 8 !== phase) this.#pattern(bytes, command.done);
        phase = command.done % 8;
      } else got = this.#move(source + at, bytes, false, attributes);
      const here = bytes.subarray(0, got.moved);
      if (kind === COMMAND_CHECKSUM) for (const byte of here) command.sum = (command.sum + byte) | 0;
      else {
        const put = this.#move(target + at, here, true, attributes);
        if (put.moved < here.length) {
          command.done += put.moved;
          return { fault: put.fault, address: target + at + BigInt(put.moved), write: true };
        }
      }
      command.done += here.length;
      if (here.length < bytes.length) {
        return { fault: got.fault, address: source + at + BigInt(here.length), write: false };
      }
    }
    return undefined;
  }

  #piece(size: number): Uint8Array {
    if (this.#buffer.length < size) this.#buffer = new Uint8Array(size);
    return this.#buffer.subarray(0, size);
  }

  /** Fills a piece with the pattern as it is `done` bytes after the command's start. */
  #pattern(bytes: Uint8Array, done: number): void {
    for (let i = 0; i < Math.min(8, bytes.length); i++) {
      bytes[i] = this.#registers.getUint8(DMAE.IOASID_DMAE_REG_PATTERN + ((done + i) % 8));
    }
    for (let filled = 8; filled < bytes.length; filled *= 2) {
      bytes.copyWithin(filled, 0, Math.min(filled, bytes.length - filled));
    }
  }

  /** Moves bytes to or from memory, or BAR2 if bit 63 of the address says so. */
  #move(address: bigint, bytes: Uint8Array, write: boolean, attributes: DmaAttributes): DmaResult {
    const { dma } = this.#slot;
    if ((address & IOASID_DMAE_SRC_BAR2) === 0n) {
      return write ? dma.write(address, bytes, attributes) : dma.read(address, bytes, attributes);
    }
    const offset = address & ~IOASID_DMAE_SRC_BAR2;
    if (offset >= BigInt(MEMORY_SIZE)) return { moved: 0, fault: DMA_FAULT.NONE };
    const piece = bytes.subarray(0, Math.min(bytes.length, MEMORY_SIZE - Number(offset)));
    if (write) this.#memory.write(Number(offset), piece);
    else this.#memory.read(Number(offset), piece);
    return { moved: piece.length, fault: DMA_FAULT.NONE };
  }
}
