/** A submission queue entry: 64 bytes, little-endian (Base Specification 2.0, 3.3.3.1). */
import { CommandError, STATUS } from './status.js';

export const COMMAND_SIZE = 64;
/** "All namespaces". */
export const BROADCAST = 0xffff_ffff;

/** Bits of an operation code that say which way its data goes: 0 none, 1 from the host, 2 to the host. */
export const DIRECTION = 3;

export class Command {
  readonly #view: DataView;

  /** @param view the entry's bytes */
  constructor(view: DataView) {
    this.#view = view;
  }

  /** Operation code, 8 bits. */
  get opcode(): number {
    return this.#view.getUint8(0);
  }
  /** Fused operation, 2 bits. */
  get fused(): number {
    return this.#view.getUint8(1) & 3;
  }
  /** How the data pointer is to be read: 0 PRPs, 1 and 2 SGLs, 3 reserved. */
  get pointerKind(): number {
    return this.#view.getUint8(1) >> 6;
  }
  /** The driver's name of the command, 16 bits. */
  get id(): number {
    return this.#view.getUint16(2, true);
  }
  /** Namespace, 32 bits. */
  get namespace(): number {
    return this.#view.getUint32(4, true);
  }
  /** First PRP entry, or the first half of an SGL descriptor. */
  get prp1(): bigint {
    return this.#view.getBigUint64(24, true);
  }
  get prp2(): bigint {
    return this.#view.getBigUint64(32, true);
  }
  /** The data pointer's 16 bytes as an SGL descriptor. */
  get sgl(): DataView {
    return new DataView(this.#view.buffer, this.#view.byteOffset + 24, 16);
  }
  /** A command dword, 32 bits. @param index 10 to 15 */
  dword(index: number): number {
    return this.#view.getUint32(index * 4, true);
  }
  /** Two command dwords: the starting LBA, or an offset. */
  quad(index: number): bigint {
    return this.#view.getBigUint64(index * 4, true);
  }
}

/** Fused operations are not supported. @throws CommandError */
export function refuseFused(command: Command): void {
  if (command.fused !== 0) throw new CommandError(STATUS.INVALID_FIELD, 'fused operations are not supported');
}
