/**
 * The RAM of simulated processes: frames, and the files whose pages are frames. A frame lives as long as something maps
 * it or pins it, as in a kernel.
 */
import { PAGE_SIZE, pageOf } from '../abi/address.js';
import { Errno } from '../abi/errno.js';
import { Backing, type FrameRun } from './backing.js';
import type { MemoryFile } from './memory.js';

class Ram extends Backing {
  readonly name = 'RAM';
  readonly alive = true;
  readonly memory = {
    read: (address: bigint, into: Uint8Array): number => this.#copy(address, into, false),
    write: (address: bigint, from: Uint8Array): number => this.#copy(address, from, true),
  };
  /** Bytes of the frames that were written. */
  readonly #bytes = new Map<number, Uint8Array>();
  /** How many page tables and files have a frame. */
  readonly #users = new Map<number, number>();
  #next = 1;

  /** A new frame of zeroes, with one user. Frames that are asked for one after the other are neighbours. */
  allocate(): number {
    const frame = this.#next++;
    this.#users.set(frame, 1);
    return frame;
  }

  /** One more page table or file has the frame. */
  share(frame: number): number {
    this.#users.set(frame, (this.#users.get(frame) ?? 0) + 1);
    return frame;
  }

  /** A page table or file lets a frame go. */
  free(frame: number): void {
    const users = (this.#users.get(frame) ?? 1) - 1;
    if (users > 0) {
      this.#users.set(frame, users);
      return;
    }
    this.#users.delete(frame);
    this.#forget(frame);
  }

  /** A new frame with the bytes of another. */
  copyOf(frame: number): number {
    const copy = this.allocate();
    const bytes = this.#bytes.get(frame);
    if (bytes) this.#bytes.set(copy, bytes.slice());
    return copy;
  }

  bytes(frame: number, write: boolean): Uint8Array | undefined {
    const known = this.#bytes.get(frame);
    if (known || !write) return known;
    const bytes = new Uint8Array(PAGE_SIZE);
    this.#bytes.set(frame, bytes);
    return bytes;
  }

  override unpin(frame: number, frames: number): void {
    super.unpin(frame, frames);
    for (let i = frame; i < frame + frames; i++) if (!this.#users.has(i)) this.#forget(i);
  }

  protected unused(): void {}

  #forget(frame: number): void {
    this.pins.forEach(frame, 1, (_frame, _frames, count) => {
      if (count === 0) this.#bytes.delete(frame);
    });
  }

  #copy(address: bigint, bytes: Uint8Array, write: boolean): number {
    let offset = Number(address % BigInt(PAGE_SIZE));
    let frame = pageOf(address);
    for (let done = 0; done < bytes.length; frame++, offset = 0) {
      const n = Math.min(PAGE_SIZE - offset, bytes.length - done);
      const piece = bytes.subarray(done, done + n);
      if (write) this.bytes(frame, true)?.set(piece, offset);
      else piece.set(this.bytes(frame, false)?.subarray(offset, offset + n) ?? new Uint8Array(n));
      done += n;
    }
    return bytes.length;
  }
}

export const RAM = new Ram();

/** Puts single frames together to runs. */
export function runsOf(frames: Iterable<number>): FrameRun[] {
  const runs: { backing: Backing; frame: number; frames: number; pageShift: number }[] = [];
  for (const frame of frames) {
    const last = runs.at(-1);
    if (last && last.frame + last.frames === frame) last.frames++;
    else runs.push({ backing: RAM, frame, frames: 1, pageShift: 12 });
  }
  return runs;
}

/** A file of memory, as memfd_create makes it. */
export class SimulatedFile implements MemoryFile {
  /** Bytes. */
  size: number;
  readonly #frames = new Map<number, number>();
  #users = 1;

  constructor(size: number) {
    this.size = size;
  }

  /** The frame of a page; a page that was never touched gets one. */
  frame(page: number): number {
    const frame = this.#frames.get(page) ?? RAM.allocate();
    this.#frames.set(page, frame);
    return frame;
  }

  frames(page: number, pages: number): FrameRun[] {
    if ((page + pages - 1) * PAGE_SIZE >= this.size) {
      throw new Errno('EINVAL', `page ${page + pages - 1} is beyond the ${this.size} bytes of the file`);
    }
    return runsOf(Array.from({ length: pages }, (_, i) => this.frame(page + i)));
  }

  /** One more holder. */
  get(): this {
    this.#users++;
    return this;
  }

  close(): void {
    if (--this.#users > 0) return;
    for (const frame of this.#frames.values()) RAM.free(frame);
    this.#frames.clear();
  }
}
