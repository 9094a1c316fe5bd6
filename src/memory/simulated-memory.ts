/**
 * Memory of a simulated process: areas of pages, as mmap makes them, kept sparse. For the library, the tests and the
 * browser; a real program's memory is in runner/.
 */
import { PAGE_SIZE } from '../abi/address.js';
import type { FrameRun } from './backing.js';
import type { Memory } from './memory.js';
import { RAM, runsOf, SimulatedFile } from './ram.js';

const PAGE = BigInt(PAGE_SIZE);
/** Where areas start: an address that looks like one of Linux's mmap area on x86-64. */
const FIRST = 0x7f00_0000_0000n;

interface Area {
  readonly start: bigint;
  readonly end: bigint;
  readonly writable: boolean;
  /** MAP_SHARED: the file, and where the area starts in it, in pages. */
  readonly file: SimulatedFile | undefined;
  readonly filePage: number;
}

export interface MmapOptions {
  /** A page-aligned address; the next free one when not given. Pages that were there are replaced. */
  at?: bigint;
  writable?: boolean;
  /** MAP_SHARED: true for anonymous memory, or a file. */
  shared?: boolean | SimulatedFile;
  /** First page of the file. */
  filePage?: number;
}

export class SimulatedMemory implements Memory {
  #areas: Area[] = [];
  /** Frames of private pages, by page number. */
  #pages = new Map<bigint, number>();
  #next = FIRST;
  #limit: bigint | undefined;

  /** @param limit RLIMIT_MEMLOCK in bytes; undefined: unlimited */
  constructor(limit?: bigint) {
    this.#limit = limit;
  }

  /**
   * Adds an area of zeroed pages, or of a file's.
   * @param size bytes, rounded up to pages
   * @returns its address
   */
  mmap(size: number | bigint, options: MmapOptions = {}): bigint {
    const length = ((BigInt(size) + PAGE - 1n) / PAGE) * PAGE;
    const start = options.at ?? this.#next;
    if (start % PAGE !== 0n) throw new RangeError(`address 0x${start.toString(16)} is not a multiple of ${PAGE_SIZE}`);
    const end = start + length;
    this.munmap(start, length);
    const { shared, filePage = 0, writable = true } = options;
    const file = shared === true ? new SimulatedFile(Number(length)) : shared ? shared.get() : undefined;
    this.#areas.push({ start, end, writable, file, filePage });
    // A page between two areas stays free, so that running over the end of one is seen.
    if (end + PAGE > this.#next) this.#next = end + PAGE;
    return start;
  }

  /** Takes away what is mapped in the range. */
  munmap(start: bigint, size: bigint): void {
    const end = start + size;
    const kept: Area[] = [];
    for (const area of this.#areas) {
      if (area.end <= start || area.start >= end) {
        kept.push(area);
        continue;
      }
      const rest: Area[] = [];
      if (area.start < start) rest.push({ ...area, end: start });
      if (area.end > end) {
        rest.push({ ...area, start: end, filePage: area.filePage + Number((end - area.start) / PAGE) });
      }
      if (rest.length === 0) area.file?.close();
      else if (rest.length > 1) area.file?.get();
      kept.push(...rest);
    }
    this.#areas = kept;
    for (const [page, frame] of this.#pages) {
      if (page * PAGE < start || page * PAGE >= end) continue;
      RAM.free(frame);
      this.#pages.delete(page);
    }
  }

  read(address: bigint, into: Uint8Array): number {
    return this.#copy(address, into.length, false, (page, offset, done, n) => {
      if (page) into.set(page.subarray(offset, offset + n), done);
      else into.fill(0, done, done + n);
    });
  }

  write(address: bigint, from: Uint8Array): number {
    return this.#copy(address, from.length, true, (page, offset, done, n) =>
      page?.set(from.subarray(done, done + n), offset),
    );
  }

  unpinnable(address: bigint, size: bigint, write: boolean): bigint | undefined {
    let at = address;
    while (at < address + size) {
      const area = this.#area(at);
      if (!area || (write && !area.writable)) return at;
      at = area.end;
    }
    return undefined;
  }

  frames(address: bigint, pages: number, write: boolean): FrameRun[] {
    const frames: number[] = [];
    let at = address;
    for (let left = pages; left > 0; left--, at += PAGE) {
      const area = this.#area(at);
      if (!area || (write && !area.writable)) break;
      frames.push(this.#frame(area, at));
    }
    return runsOf(frames);
  }

  lockLimit(): bigint | undefined {
    return this.#limit;
  }

  mayExceedLockLimit(): boolean {
    return false;
  }

  /** A copy of everything, as fork makes one; shared areas stay shared. */
  fork(): SimulatedMemory {
    const copy = new SimulatedMemory(this.#limit);
    copy.#areas = this.#areas.map((area) => ({ ...area, file: area.file?.get() }));
    copy.#next = this.#next;
    for (const [page, frame] of this.#pages) copy.#pages.set(page, RAM.copyOf(frame));
    return copy;
  }

  /** The process ended: its pages are given back, but for those that are pinned. */
  end(): void {
    this.munmap(0n, 1n << 64n);
  }

  #area(address: bigint): Area | undefined {
    return this.#areas.find((area) => address >= area.start && address < area.end);
  }

  /** The frame under an address; made if there is none yet. */
  #frame(area: Area, address: bigint): number {
    if (area.file) return area.file.frame(area.filePage + Number((address - area.start) / PAGE));
    const page = address / PAGE;
    const frame = this.#pages.get(page) ?? RAM.allocate();
    this.#pages.set(page, frame);
    return frame;
  }

  #copy(
    address: bigint,
    size: number,
    write: boolean,
    piece: (page: Uint8Array | undefined, offset: number, done: number, n: number) => void,
  ): number {
    let done = 0;
    let area: Area | undefined;
    while (done < size) {
      const at = address + BigInt(done);
      if (!area || at >= area.end) area = this.#area(at);
      if (!area || (write && !area.writable)) break;
      const offset = Number(at % PAGE);
      const n = Math.min(PAGE_SIZE - offset, size - done);
      const known = area.file !== undefined || write || this.#pages.has(at / PAGE);
      piece(known ? RAM.bytes(this.#frame(area, at), write) : undefined, offset, done, n);
      done += n;
    }
    return done;
  }
}
