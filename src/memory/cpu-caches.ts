/**
 * The CPU caches of the machine, at line granularity (authority.md, Coherency made visible).
 *
 * What a process sees of its memory is what CPUs see, caches included. For pages that a non-coherent device can reach,
 * the strict model keeps a second copy, DRAM. No-snoop DMA reads and writes DRAM; a CPU's stores reach it, and its data
 * reaches the CPU, only when a line is written back and invalidated: by wbinvd, or by an eviction. A line is dirty if
 * the process's bytes are not those of the last synchronisation.
 *
 * There is one DRAM, whichever way leads to it: pages are told apart by their frames. A *way* is an address that devices
 * reach a frame by (an address of a process, or the frame itself); a frame is followed while it has a way.
 *
 * Without the strict model nothing is kept, and all DMA is as if it were snooped.
 */
import { PAGE_SIZE } from '../abi/address.js';
import type { DmaTarget } from './dma-target.js';

const PAGE = PAGE_SIZE;
const LINE = 64;

/** A frame that non-coherent devices reach. */
interface ShadowPage {
  readonly dram: Uint8Array;
  /** The process's bytes when the page was synchronised last. */
  readonly synced: Uint8Array;
  readonly ways: Set<Way>;
  /** Forgets the frame. */
  readonly forget: () => void;
  /** Lines that no-snoop DMA wrote since, one bit a line, and who. */
  written: bigint;
  writer: string;
}

interface Way {
  readonly target: DmaTarget;
  readonly page: number;
  readonly shadow: ShadowPage;
  /** Mappings that lead this way. */
  users: number;
}

/** A device met bytes that a flush would have made right. */
export interface StaleAccess {
  readonly device: string;
  readonly kind: 'device-read' | 'device-write-unseen';
  /** I/O virtual address of the access, bytes; 0 if it is not known any more. */
  readonly iova: bigint;
  /** Address in the process, bytes. */
  readonly address: bigint;
}

/** Most stale accesses that are remembered. */
const MAX_REPORTS = 100;

export type Eviction = { readonly kind: 'never' } | { readonly kind: 'seeded'; readonly random: (n: number) => number };

/**
 * When caches evict lines: `never`, or `seeded:NUMBER`, which is random and the same in every run.
 * @throws RangeError
 */
export function parseEviction(text: string): Eviction {
  if (text === 'never') return { kind: 'never' };
  const match = /^seeded:(\d{1,9})$/.exec(text);
  if (!match) throw new RangeError(`eviction '${text}': never, or seeded:NUMBER`);
  let state = Number(match[1]) | 1;
  // A xorshift generator: good enough to evict by.
  const random = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  return { kind: 'seeded', random };
}

export class CpuCaches {
  /** The strict model is on. */
  readonly strict: boolean;
  readonly stale: StaleAccess[] = [];
  /** How often stale data was met; `stale` has the first of them. */
  staleCount = 0;
  readonly #eviction: Eviction;
  /** The frames by who holds them. */
  readonly #frames = new Map<DmaTarget, Map<number, ShadowPage>>();
  readonly #ways = new Map<DmaTarget, Map<number, Way>>();
  #flushes = 0;

  constructor(strict = false, eviction: Eviction = { kind: 'never' }) {
    this.strict = strict;
    this.#eviction = eviction;
  }

  /** How often all caches were flushed. */
  get flushes(): number {
    return this.#flushes;
  }

  /** wbinvd on every CPU: every line is written back and invalidated. */
  flush(): void {
    this.#flushes++;
    for (const pages of this.#frames.values()) for (const shadow of pages.values()) this.#sync(shadow, 0, PAGE);
  }

  /**
   * A non-coherent device can reach these pages from now on; what is in the caches is written back first.
   * @param first page of the target; @param count pages
   */
  track(target: DmaTarget, first: number, count: number): void {
    if (!this.strict) return;
    const ways = numbered(this.#ways, target);
    for (let page = first; page < first + count; page++) {
      const known = ways.get(page);
      if (known) known.users++;
      else {
        const shadow = this.#shadow(target, page);
        const way = { target, page, shadow, users: 1 };
        shadow.ways.add(way);
        ways.set(page, way);
      }
    }
  }

  /** The frame behind a page, followed from now on. */
  #shadow(target: DmaTarget, page: number): ShadowPage {
    const address = BigInt(page) * BigInt(PAGE);
    const run = target.memory.frames?.(address, 1, false)[0];
    const [holder, frame] = run ? [run.backing, run.frame] : [target, page];
    const frames = numbered(this.#frames, holder);
    const known = frames.get(frame);
    if (known) return known;
    const dram = new Uint8Array(PAGE);
    target.memory.read(address, dram);
    const forget = (): void => {
      frames.delete(frame);
      if (frames.size === 0) this.#frames.delete(holder);
    };
    const shadow = { dram, synced: dram.slice(), ways: new Set<Way>(), forget, written: 0n, writer: '' };
    frames.set(frame, shadow);
    return shadow;
  }

  /** No non-coherent device reaches these pages through this mapping any more; the lines are synchronised. */
  untrack(target: DmaTarget, first: number, count: number): void {
    const ways = this.#ways.get(target);
    for (let page = first; ways && page < first + count; page++) {
      const way = ways.get(page);
      if (!way || --way.users > 0) continue;
      ways.delete(page);
      const { shadow } = way;
      if (shadow.ways.size === 1) {
        // Letting go flushes, so that a living process sees the device's last bytes. One that is ending, or is gone,
        // never will: its memory goes before its files are closed.
        if (!this.#sync(shadow, 0, PAGE)) this.#reportUnseen(shadow);
        shadow.forget();
      }
      shadow.ways.delete(way);
    }
    if (ways?.size === 0) this.#ways.delete(target);
  }

  /** The run ends: what devices wrote and no flush made visible is reported. */
  finish(): void {
    for (const pages of this.#frames.values()) for (const shadow of pages.values()) this.#reportUnseen(shadow);
  }

  /** Moves bytes of a DMA. Returns how many. @param device who, for the report; @param snooped goes through the caches */
  transfer(
    target: DmaTarget,
    address: bigint,
    bytes: Uint8Array,
    write: boolean,
    snooped: boolean,
    device: string,
    iova: bigint,
  ): number {
    const ways = this.#ways.get(target);
    if (!ways) return write ? target.memory.write(address, bytes) : target.memory.read(address, bytes);
    let done = 0;
    while (done < bytes.length) {
      const at = address + BigInt(done);
      const page = Number(at / BigInt(PAGE));
      const offset = Number(at % BigInt(PAGE));
      const piece = bytes.subarray(done, done + Math.min(PAGE - offset, bytes.length - done));
      const way = ways.get(page);
      const moved = way
        ? this.#piece(way, offset, piece, write, snooped, device, iova + BigInt(done))
        : write
          ? target.memory.write(at, piece)
          : target.memory.read(at, piece);
      done += moved;
      if (moved < piece.length) break;
    }
    return done;
  }

  #piece(
    { target, page, shadow }: Way,
    offset: number,
    piece: Uint8Array,
    write: boolean,
    snooped: boolean,
    device: string,
    iova: bigint,
  ): number {
    const end = offset + piece.length;
    if (snooped) {
      this.#sync(shadow, offset, end);
      const address = BigInt(page) * BigInt(PAGE) + BigInt(offset);
      const moved = write ? target.memory.write(address, piece) : target.memory.read(address, piece);
      this.#sync(shadow, offset, end);
      return moved;
    }
    if (this.#eviction.kind === 'seeded' && this.#eviction.random(2) === 0) {
      const line = this.#eviction.random(PAGE / LINE) * LINE;
      this.#sync(shadow, line, line + LINE);
    }
    if (write) {
      shadow.dram.set(piece, offset);
      for (let line = Math.floor(offset / LINE); line * LINE < end; line++) shadow.written |= 1n << BigInt(line);
      shadow.writer = device;
      return piece.length;
    }
    piece.set(shadow.dram.subarray(offset, end));
    const now = new Uint8Array(piece.length);
    target.memory.read(BigInt(page) * BigInt(PAGE) + BigInt(offset), now);
    const wrong = now.findIndex((byte, i) => byte !== shadow.synced[offset + i] && byte !== piece[i]);
    if (wrong >= 0) {
      this.#report({
        device,
        kind: 'device-read',
        iova: iova + BigInt(wrong),
        address: BigInt(page * PAGE + offset + wrong),
      });
    }
    return piece.length;
  }

  /** Writes dirty lines back, and lets the process see what DRAM has in the others. False: its memory is gone. */
  #sync(shadow: ShadowPage, from: number, to: number): boolean {
    const now = new Uint8Array(PAGE);
    let way: Way | undefined;
    for (const each of shadow.ways) {
      const { target, page } = each;
      if (!target.alive || target.memory.read(BigInt(page) * BigInt(PAGE), now) !== PAGE) continue;
      way = each;
      break;
    }
    if (!way) return false;
    const { target, page } = way;
    const address = BigInt(page) * BigInt(PAGE);
    for (let line = Math.floor(from / LINE) * LINE; line < to; line += LINE) {
      const dirty = differs(now, shadow.synced, line);
      if (dirty) shadow.dram.set(now.subarray(line, line + LINE), line);
      else if (differs(now, shadow.dram, line)) {
        target.memory.write(address + BigInt(line), shadow.dram.subarray(line, line + LINE));
      }
      shadow.synced.set(shadow.dram.subarray(line, line + LINE), line);
      shadow.written &= ~(1n << BigInt(line / LINE));
    }
    return true;
  }

  #reportUnseen({ written, writer, ways }: ShadowPage): void {
    if (written === 0n) return;
    let line = 0;
    while (((written >> BigInt(line)) & 1n) === 0n) line++;
    this.#report({
      device: writer,
      kind: 'device-write-unseen',
      iova: 0n,
      address: BigInt(([...ways][0]?.page ?? 0) * PAGE + line * LINE),
    });
  }

  #report(access: StaleAccess): void {
    this.staleCount++;
    if (this.stale.length < MAX_REPORTS) this.stale.push(access);
  }
}

function numbered<T>(all: Map<DmaTarget, Map<number, T>>, key: DmaTarget): Map<number, T> {
  const known = all.get(key);
  if (known) return known;
  const made = new Map<number, T>();
  all.set(key, made);
  return made;
}

function differs(a: Uint8Array, b: Uint8Array, line: number): boolean {
  for (let i = line; i < line + LINE; i++) if (a[i] !== b[i]) return true;
  return false;
}
