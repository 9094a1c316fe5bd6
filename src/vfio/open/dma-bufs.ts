/**
 * The DMA buffers of an open device (linux-vfio.md, 5.9): parts of its BARs that were handed on as descriptors. They are taken
 * back while the BARs do not answer and during resets, and for good when the device is closed.
 */
import { DmaBuf } from '../../iopt/dma-buf.js';
import { Backing } from '../../memory/backing.js';
import type { Bar } from '../../pci/bar.js';

/** A part of a BAR, whole pages. */
export interface BarPart {
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** Parts of a BAR, one behind the other, as DMA of other devices reaches them. */
class BarMemory extends Backing {
  readonly name: string;
  readonly alive = true;
  override readonly isDevice = true;
  readonly #bar: Bar;
  readonly #parts: readonly BarPart[];
  readonly memory = {
    read: (address: bigint, into: Uint8Array): number =>
      this.#pieces(address, into, (offset, piece) => this.#bar.read(offset, piece)),
    write: (address: bigint, from: Uint8Array): number =>
      this.#pieces(address, from, (offset, piece) => this.#bar.write(offset, piece)),
  };

  constructor(bar: Bar, parts: readonly BarPart[]) {
    super();
    this.name = `BAR ${bar.index}`;
    this.#bar = bar;
    this.#parts = parts;
  }

  #pieces(address: bigint, bytes: Uint8Array, act: (offset: number, piece: Uint8Array) => void): number {
    let [skip, done] = [Number(address), 0];
    for (const { offset, length } of this.#parts) {
      const size = Math.min(length - skip, bytes.length - done);
      if (size > 0) act(offset + skip, bytes.subarray(done, done + size));
      done += Math.max(size, 0);
      skip = Math.max(skip - length, 0);
    }
    return done;
  }

  protected unused(): void {}
}

export class DmaBufs {
  readonly #live = new Set<DmaBuf>();
  #revoked = false;

  /** Makes a buffer; it is taken back already if the BARs do not answer now. */
  export(bar: Bar, parts: readonly BarPart[]): DmaBuf {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    const buffer = new DmaBuf(`a buffer of BAR ${bar.index}`, size, new BarMemory(bar, parts), parts.length);
    buffer.revoked = this.#revoked;
    this.#live.add(buffer);
    return buffer;
  }

  /** Nobody has the buffer any more. */
  forget(buffer: DmaBuf): void {
    this.#live.delete(buffer);
  }

  /** The BARs answer, or do not. */
  revoke(revoked: boolean): void {
    if (this.#revoked === revoked) return;
    this.#revoked = revoked;
    for (const buffer of this.#live) buffer.revoke(revoked);
  }

  /** The last close: all are taken back for good. */
  release(): void {
    this.revoke(true);
    this.#live.clear();
  }
}
