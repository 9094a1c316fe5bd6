/**
 * Where a function's BARs are in the machine's address space: what firmware and Linux assign at boot, and what
 * /sys/bus/pci/devices/.../resource tells (include/linux/ioport.h, drivers/pci/setup-res.c).
 */
import { ROM_BAR } from '../config/config-space.js';
import type { BarLayout } from '../config/layout.js';

/** IORESOURCE_* of include/linux/ioport.h. */
const IORESOURCE = {
  IO: 0x100,
  MEM: 0x200,
  PREFETCH: 0x2000,
  READONLY: 0x4000,
  SIZEALIGN: 0x40000,
  MEM_64: 0x100000,
} as const;
/** The low bits of a BAR: what it is. */
const BAR = { IO: 1, MEMORY_64: 4, PREFETCHABLE: 8 } as const;

export interface Resource {
  /** Number of the BAR, or of the ROM. */
  readonly index: number;
  /** First address. */
  readonly start: bigint;
  /** Bytes. */
  readonly size: number;
  /** IORESOURCE_*, with the low bits of the BAR in the last byte. */
  readonly flags: number;
}

/** Windows that no memory is in: below the firmware's at 4 GiB, and high above the memory of any machine. */
const FIRST = { io: 0x3000n, memory32: 0xe000_0000n, memory64: 0x20_0000_0000n } as const;

/** Hands out addresses, one function after the other. */
export class ResourceWindows {
  readonly #next: Record<keyof typeof FIRST, bigint> = { ...FIRST };

  /** Assigns an address to each BAR: a multiple of its size, and of a page for memory. */
  assign(bars: readonly Pick<BarLayout, 'index' | 'kind' | 'size' | 'prefetchable'>[]): Resource[] {
    return bars.map(({ index, kind, size, prefetchable }) => {
      const start = this.#take(kind, size);
      return { index, start, size, flags: flagsOf(kind, prefetchable) };
    });
  }

  /** Assigns an address to an expansion ROM. @param size bytes */
  assignRom(size: number): Resource {
    const { MEM, PREFETCH, READONLY, SIZEALIGN } = IORESOURCE;
    return { index: ROM_BAR, start: this.#take('memory32', size), size, flags: MEM | PREFETCH | READONLY | SIZEALIGN };
  }

  #take(kind: keyof typeof FIRST, size: number): bigint {
    const step = BigInt(kind === 'io' ? size : Math.max(size, 4096));
    const start = ((this.#next[kind] + step - 1n) / step) * step;
    this.#next[kind] = start + step;
    return start;
  }
}

function flagsOf(kind: keyof typeof FIRST, prefetchable: boolean): number {
  if (kind === 'io') return IORESOURCE.IO | IORESOURCE.SIZEALIGN | BAR.IO;
  const wide = kind === 'memory64' ? IORESOURCE.MEM_64 | BAR.MEMORY_64 : 0;
  return IORESOURCE.MEM | IORESOURCE.SIZEALIGN | wide | (prefetchable ? IORESOURCE.PREFETCH | BAR.PREFETCHABLE : 0);
}
