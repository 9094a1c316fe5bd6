/**
 * Memory of a simulated process: areas of pages, as mmap makes them, kept sparse. For the library, the tests and the
 * browser; a real program's memory is in runner/.
 */
import { hex, PAGE_SIZE } from '../abi/address.js';
import type { Memory } from './mm.js';

const PAGE = BigInt(PAGE_SIZE);
/** Where areas start: an address that looks like one of Linux's mmap area on x86-64. */
const FIRST = 0x7f00_0000_0000n;

interface Area {
  readonly start: bigint;
  readonly end: bigint;
  readonly writable: boolean;
}

export class SimulatedMemory implements Memory {
  #areas: Area[] = [];
  #pages = new Map<bigint, Uint8Array>();
  #next = FIRST;
  #limit: bigint | undefined;

  /** @param limit RLIMIT_MEMLOCK in bytes; undefined: unlimited */
  constructor(limit?: bigint) {
    this.#limit = limit;
  }

  /**
   * Adds an area of zeroed pages.
   * @param size bytes, rounded up to pages
   * @param options.at a page-aligned address; the next free one when not given. Pages that were there are replaced
   * @returns its address
   */
  mmap(size: number | bigint, options: { at?: bigint; writable?: boolean } = {}): bigint {
    const length = ((BigInt(size) + PAGE - 1n) / PAGE) * PAGE;
    const start = options.at ?? this.#next;
    if (start % PAGE !== 0n) throw new RangeError(`address ${hex(start)} is not a multiple of ${PAGE_SIZE}`);
    const end = start + length;
    this.munmap(start, length);
    this.#areas.push({ start, end, writable: options.writable ?? true });
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
      if (area.start < start) kept.push({ ...area, end: start });
      if (area.end > end) kept.push({ ...area, start: end });
    }
    this.#areas = kept;
    for (const page of this.#pages.keys()) if (page * PAGE >= start && page * PAGE < end) this.#pages.delete(page);
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

  lockLimit(): bigint | undefined {
    return this.#limit;
  }

  mayExceedLockLimit(): boolean {
    return false;
  }

  /** A copy of everything, as fork makes one. */
  fork(): SimulatedMemory {
    const copy = new SimulatedMemory(this.#limit);
    copy.#areas = [...this.#areas];
    copy.#next = this.#next;
    for (const [page, bytes] of this.#pages) copy.#pages.set(page, bytes.slice());
    return copy;
  }

  #area(address: bigint): Area | undefined {
    return this.#areas.find((area) => address >= area.start && address < area.end);
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
      const number = at / PAGE;
      let page = this.#pages.get(number);
      if (!page && write) {
        page = new Uint8Array(PAGE_SIZE);
        this.#pages.set(number, page);
      }
      piece(page, offset, done, n);
      done += n;
    }
    return done;
  }
}
