/**
 * A base address register's range: accesses of any size and alignment, taken apart for what lies behind. Registers that
 * calls reach get the largest naturally aligned pieces of at most 8 bytes, in rising order, as vfio-pci makes them.
 */
import type { AccessWidth, BarLayout, RegisterAccess, Window } from './config/layout.js';
import type { DeviceMemory } from './memory.js';

/** A range of a BAR, bytes. */
export interface BarRange {
  readonly offset: number;
  readonly size: number;
}

export class Bar {
  readonly index: number;
  readonly kind: BarLayout['kind'];
  /** Bytes. */
  readonly size: number;
  /** Bytes that programs can map; undefined: all of it is trapped. */
  readonly memory: DeviceMemory | undefined;
  readonly #windows: readonly Window[];
  readonly #touched: () => void;
  /** Whose mappings show the memory. */
  #holder: object | undefined;

  /** @param touched called after bytes of a polled window were written by a call */
  constructor(layout: BarLayout, touched: () => void) {
    this.index = layout.index;
    this.kind = layout.kind;
    this.size = layout.size;
    this.memory = layout.memory;
    this.#windows = layout.windows;
    this.#touched = touched;
    if (layout.memory === undefined && layout.windows.some(({ kind }) => kind !== 'trapped'))
      throw new Error(`BAR ${layout.index} has windows that can be mapped, and no memory`);
  }

  /** Somebody's mappings are to show the memory, which shows in one place. Returns false: it shows in another's. */
  hold(by: object): boolean {
    this.#holder ??= by;
    return this.#holder === by;
  }

  letGo(by: object): void {
    if (this.#holder === by) this.#holder = undefined;
  }

  /** The ranges that can be mapped, in rising order; neighbours are one range. */
  get mappable(): BarRange[] {
    const ranges: BarRange[] = [];
    for (const { kind, offset, size } of this.#windows) {
      if (kind === 'trapped') continue;
      const before = ranges.at(-1);
      if (before && before.offset + before.size === offset) {
        ranges[ranges.length - 1] = { offset: before.offset, size: before.size + size };
      } else ranges.push({ offset, size });
    }
    return ranges;
  }

  /** True if a program that maps the range can store into registers without a call. */
  isPolled(offset: number, size: number): boolean {
    return this.#windows.some(
      (it) => it.kind === 'polled' && it.offset < offset + size && offset < it.offset + it.size,
    );
  }

  /**
   * The widths that an access starting at this byte may have, where the device limits them.
   * @returns undefined: any access is taken apart
   */
  widthsAt(offset: number): readonly AccessWidth[] | undefined {
    const window = this.#at(offset);
    return window?.kind === 'trapped' ? window.widths : undefined;
  }

  /** Reads bytes, all of them inside the BAR. */
  read(offset: number, into: Uint8Array): void {
    this.#pieces(offset, into, (window, at, piece) => {
      const registers = registersOf(window);
      if (!window) piece.fill(0);
      else if (!registers) this.memory?.read(at, piece);
      else load(piece, registers.read(at - window.offset, piece.length as AccessWidth));
    });
  }

  /** Writes bytes, all of them inside the BAR. */
  write(offset: number, from: Uint8Array): void {
    let polled = false;
    this.#pieces(offset, from, (window, at, piece) => {
      if (!window) return;
      const registers = registersOf(window);
      if (registers) registers.write(at - window.offset, piece.length as AccessWidth, value(piece));
      else this.memory?.write(at, piece);
      polled ||= window.kind === 'polled';
    });
    if (polled) this.#touched();
  }

  #at(offset: number): Window | undefined {
    return this.#windows.find((it) => it.offset <= offset && offset < it.offset + it.size);
  }

  #pieces(offset: number, bytes: Uint8Array, act: (window: Window | undefined, at: number, piece: Uint8Array) => void) {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const window = this.#at(at);
      const left = Math.min(bytes.length - done, this.#end(window, at) - at);
      const size = window && registersOf(window) ? aligned(window, at, left) : left;
      act(window, at, bytes.subarray(done, done + size));
      done += size;
    }
  }

  /** The end of a window, or of the hole at `at`. */
  #end(window: Window | undefined, at: number): number {
    if (window) return window.offset + window.size;
    return this.#windows.find(({ offset }) => offset > at)?.offset ?? this.size;
  }
}

/** What calls reach registers by; undefined: they are memory to calls. */
function registersOf(window: Window | undefined): RegisterAccess | undefined {
  if (window?.kind === 'trapped') return window;
  return window?.kind === 'polled' ? window.access : undefined;
}

/** The largest naturally aligned piece of at most 8 bytes. */
function aligned(window: Window, at: number, left: number): AccessWidth {
  for (const width of [8, 4, 2] as const) if (left >= width && (at - window.offset) % width === 0) return width;
  return 1;
}

function load(piece: Uint8Array, register: bigint): void {
  for (let i = 0, rest = register; i < piece.length; i++, rest >>= 8n) piece[i] = Number(rest & 0xffn);
}

function value(piece: Uint8Array): bigint {
  return piece.reduceRight((all, byte) => (all << 8n) | BigInt(byte), 0n);
}
