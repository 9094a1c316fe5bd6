/** Log pages (Base Specification 2.0, 5.16): errors, health, firmware, supported commands; and what is counted for them. */

import { CommandError, STATUS, type Status, statusField } from '../status.js';
import { ERROR_LOG_ENTRIES, FIRMWARE_REVISION, text } from './identify.js';

export const LOG = { ERRORS: 1, HEALTH: 2, FIRMWARE: 3, CHANGED_NAMESPACES: 4, COMMANDS: 5 } as const;

const ERROR_SIZE = 64;

/** A command that failed. */
export interface ErrorEntry {
  /** 0xffff for both: no command in particular. */
  readonly queue: number;
  readonly command: number;
  readonly status: Status;
  readonly lba: bigint;
  readonly namespace: number;
}

export class Logs {
  readonly #supported: { readonly admin: readonly number[]; readonly io: readonly number[] };
  #errors: (ErrorEntry & { readonly number: bigint })[] = [];
  #count = 0n;
  /** Bytes and commands, since the controller exists. */
  readonly #moved = { read: 0n, written: 0n, reads: 0n, writes: 0n };

  /** @param supported operation codes */
  constructor(supported: { readonly admin: readonly number[]; readonly io: readonly number[] }) {
    this.#supported = supported;
  }

  error(entry: ErrorEntry): void {
    this.#errors.unshift({ ...entry, number: ++this.#count });
    this.#errors.length = Math.min(this.#errors.length, ERROR_LOG_ENTRIES);
  }

  count(write: boolean, bytes: number): void {
    this.#moved[write ? 'written' : 'read'] += BigInt(bytes);
    this.#moved[write ? 'writes' : 'reads']++;
  }

  /** A log page. @throws CommandError */
  page(id: number): Uint8Array {
    switch (id) {
      case LOG.ERRORS:
        return this.#errorLog();
      case LOG.HEALTH:
        return this.#health();
      case LOG.FIRMWARE:
        return firmware();
      case LOG.CHANGED_NAMESPACES:
        return new Uint8Array(4096);
      case LOG.COMMANDS:
        return this.#commands();
      default:
        throw new CommandError(STATUS.INVALID_LOG_PAGE, `log page 0x${id.toString(16)} does not exist`);
    }
  }

  #errorLog(): Uint8Array {
    const bytes = new Uint8Array(ERROR_LOG_ENTRIES * ERROR_SIZE);
    const view = new DataView(bytes.buffer);
    this.#errors.forEach(({ number, queue, command, status, lba, namespace }, i) => {
      const at = i * ERROR_SIZE;
      view.setBigUint64(at, number, true);
      view.setUint16(at + 8, queue, true);
      view.setUint16(at + 10, command, true);
      view.setUint16(at + 12, statusField(status) << 1, true);
      view.setUint16(at + 14, 0xffff, true);
      view.setBigUint64(at + 16, lba, true);
      view.setUint32(at + 24, namespace, true);
    });
    return bytes;
  }

  #health(): Uint8Array {
    const bytes = new Uint8Array(512);
    const view = new DataView(bytes.buffer);
    view.setUint16(1, 300, true); // kelvin
    view.setUint8(3, 100); // spare, per cent
    view.setUint8(4, 10);
    // In thousands of 512 bytes, rounded up.
    const units = (moved: bigint): bigint => (moved + 511_999n) / 512_000n;
    view.setBigUint64(32, units(this.#moved.read), true);
    view.setBigUint64(48, units(this.#moved.written), true);
    view.setBigUint64(64, this.#moved.reads, true);
    view.setBigUint64(80, this.#moved.writes, true);
    view.setBigUint64(112, 1n, true); // power cycles
    view.setBigUint64(176, this.#count, true);
    return bytes;
  }

  /** Which commands there are, and which of them change what is on the disk. */
  #commands(): Uint8Array {
    const bytes = new Uint8Array(4096);
    const view = new DataView(bytes.buffer);
    const [SUPPORTED, CONTENT] = [1, 2];
    const changing = { admin: [0x80], io: [0x01, 0x08, 0x09] };
    for (const [base, kind] of [
      [0, 'admin'],
      [1024, 'io'],
    ] as const) {
      for (const opcode of this.#supported[kind])
        view.setUint32(base + opcode * 4, SUPPORTED | (changing[kind].includes(opcode) ? CONTENT : 0), true);
    }
    return bytes;
  }
}

/** Firmware slot 1 is active. */
function firmware(): Uint8Array {
  const bytes = new Uint8Array(512);
  bytes[0] = 1;
  text(bytes, 8, 8, FIRMWARE_REVISION);
  return bytes;
}
