import { describe, expect, test } from 'vitest';
import type { ConfigEffects, ConfigFacts, HardwareConfig, Width } from './hardware.js';
import { VirtualConfig } from './virtual-config.js';

/** Hardware whose registers are all memory: what reaches it can be seen. */
class Registers implements HardwareConfig {
  readonly view: DataView;
  readonly size: number;

  constructor(size: number) {
    this.size = size;
    this.view = new DataView(new ArrayBuffer(size));
  }
  read(offset: number, width: Width): number {
    if (width === 4) return this.view.getUint32(offset, true);
    return width === 2 ? this.view.getUint16(offset, true) : this.view.getUint8(offset);
  }
  write(offset: number, width: Width, value: number): void {
    if (width === 4) this.view.setUint32(offset, value, true);
    else if (width === 2) this.view.setUint16(offset, value, true);
    else this.view.setUint8(offset, value);
  }
  /** Puts bytes of a dump. */
  put(offset: number, ...bytes: number[]): this {
    for (const [i, byte] of bytes.entries()) this.view.setUint8(offset + i, byte);
    return this;
  }
}

const PM = 0x40;
const NULL_CAPABILITY = 0x50;
const MSI = 0x60;
const EXPRESS = 0x80;
const VENDOR = 0xc0;

/** A function with PM, a null capability, MSI of four messages, PCI Express with FLR, and a vendor's bytes. */
function hardware(): Registers {
  const hw = new Registers(4096);
  hw.put(0, 0x86, 0x80, 0x21, 0x20, 0x06, 0x04, 0x10, 0x00).put(0x34, PM).put(0x3c, 11, 1);
  hw.put(0x10, 0x04, 0, 0, 0xf0);
  hw.put(PM, 1, NULL_CAPABILITY, 0x03, 0xfe, 0x08, 0x81);
  hw.put(NULL_CAPABILITY, 0, MSI, 0x12, 0x34);
  hw.put(MSI, 5, EXPRESS, 0x84, 0x01);
  hw.put(EXPRESS, 0x10, VENDOR, 0x02, 0, 0, 0, 0, 0x10, 0x50, 0x28);
  hw.put(VENDOR, 9, 0, 8, 0);
  // PASID is not shown, and it is the first; AER is.
  hw.view.setUint32(0x100, 0x1b | (1 << 16) | (0x120 << 20), true);
  hw.view.setUint32(0x120, 0x01 | (2 << 16) | (0x180 << 20), true);
  hw.view.setUint32(0x180, 0x1d | (1 << 16), true);
  return hw;
}

const FACTS: ConfigFacts = {
  virtualFunction: false,
  vendor: 0x8086,
  device: 0x2021,
  bars: [
    { size: 0x4000, type: 4 },
    { size: 0, type: 0 },
    { size: 0x20, type: 1 },
    { size: 0, type: 0 },
    { size: 0, type: 0 },
    { size: 0, type: 0 },
  ],
  romSize: 0,
};

function open(hw = hardware(), facts: Partial<ConfigFacts> = {}) {
  const seen: string[] = [];
  const msi: { most: number | undefined } = { most: undefined };
  const effects: ConfigEffects = {
    intxDisabled: (off) => seen.push(`intx disabled ${off}`),
    functionReset: () => seen.push('reset'),
    powerState: (state) => seen.push(`D${state}`),
    get msiQueueMax() {
      return msi.most;
    },
  };
  const config = new VirtualConfig(hw, { ...FACTS, ...facts }, effects, false);
  const read = (offset: number, count: number): number[] => {
    const bytes = new Uint8Array(count);
    config.read(BigInt(offset), bytes);
    return [...bytes];
  };
  const read32 = (offset: number) => new DataView(new Uint8Array(read(offset, 4)).buffer).getUint32(0, true);
  const write = (offset: number, ...bytes: number[]) => config.write(BigInt(offset), new Uint8Array(bytes));
  return { config, hw, seen, msi, read, read32, write };
}

describe('virtual configuration space (linux-vfio.md, 7)', () => {
  test('ids and pointers cannot be written; cache line size and latency timer reach the hardware', () => {
    const { read, write, hw } = open();
    write(0, 1, 2, 3, 4);
    expect(read(0, 4)).toEqual([0x86, 0x80, 0x21, 0x20]);
    write(0x34, 0xff);
    expect(read(0x34, 1)).toEqual([PM]);
    write(0x0c, 16, 32);
    expect([hw.read(0x0c, 1), hw.read(0x0d, 1)]).toEqual([16, 32]);
  });

  test('a capability that is not shown is unlinked, and its bytes are raw', () => {
    const { read, write, hw } = open();
    expect(read(PM, 2)).toEqual([1, MSI]);
    write(NULL_CAPABILITY + 2, 0x77);
    expect(hw.read(NULL_CAPABILITY + 2, 1)).toBe(0x77);
    expect(read(NULL_CAPABILITY + 2, 1)).toEqual([0x77]);
  });

  test('a hidden first extended capability stays without id; one behind it is unlinked', () => {
    const { read32 } = open();
    expect(read32(0x100)).toBe((0x120 << 20) >>> 0);
    expect(read32(0x120)).toBe(0x01 | (2 << 16));
  });

  test('without any capability the status bit reads 0', () => {
    const hw = new Registers(256).put(6, 0x10).put(0x34, 0x40).put(0x40, 0x0d, 0);
    const { read } = open(hw);
    expect(read(6, 1)).toEqual([0]);
  });

  test('writing all ones to a BAR reads its size mask and type; byte-wise too; the real BAR does not move', () => {
    const { read32, write, hw } = open();
    expect(read32(0x10)).toBe(0xf000_0004);
    write(0x10, 0xff, 0xff, 0xff, 0xff);
    expect(read32(0x10)).toBe(0xffff_c004);
    write(0x14, 0xff, 0xff, 0xff, 0xff);
    expect(read32(0x14)).toBe(0xffff_ffff);
    for (let i = 0; i < 4; i++) write(0x18 + i, 0xff);
    expect(read32(0x18)).toBe(0xffff_ffe1);
    write(0x20, 0xff, 0xff, 0xff, 0xff);
    expect(read32(0x20)).toBe(0);
    expect(hw.read(0x10, 4)).toBe(0xf000_0004);
  });

  test('INTx disable is virtual; memory enable is remembered and reaches the hardware', () => {
    const { config, read, write, hw, seen } = open();
    expect(config.memoryEnabled).toBe(true);
    write(4, 0x00, 0x04);
    expect(seen).toEqual([]);
    expect(read(4, 2)).toEqual([0x00, 0x04]);
    expect(hw.read(4, 2) & 0x400).toBe(0x400);
    expect(config.memoryEnabled).toBe(false);
    write(4, 0x02, 0x00);
    expect(seen).toEqual(['intx disabled false']);
    expect(config.memoryEnabled).toBe(true);
  });

  test('power state is set by the kernel; wake-up support, enable and status read 0', () => {
    const { read, write, seen, hw } = open();
    expect(read(PM + 2, 4)).toEqual([0x03, 0x06, 0x08, 0x00]);
    write(PM + 4, 0x0b, 0x81);
    expect(seen).toEqual(['D3']);
    expect(hw.read(PM + 4, 2)).toBe(0x8108);
    expect(read(PM + 4, 2)).toEqual([0x08, 0x00]);
  });

  test('MSI enable sticks only while SET_IRQS has it active, with no more messages than it enabled', () => {
    const { read, write, hw, msi } = open();
    write(MSI + 2, 0x25);
    expect(read(MSI + 2, 2)).toEqual([0x04, 0x01]);
    msi.most = 1;
    write(MSI + 2, 0x25);
    expect(read(MSI + 2, 2)).toEqual([0x15, 0x01]);
    expect(hw.read(MSI + 2, 1)).toBe(0x15);
  });

  test('MSI address and data are virtual, mask bits are the hardware’s', () => {
    const { read, write, hw } = open();
    write(MSI + 4, 0, 0, 0xe0, 0xfe);
    expect(read(MSI + 4, 4)).toEqual([0, 0, 0xe0, 0xfe]);
    expect(hw.read(MSI + 4, 4)).toBe(0);
    write(MSI + 16, 0x0f, 0, 0, 0);
    expect(hw.read(MSI + 16, 4)).toBe(0x0f);
  });

  test('the FLR bit resets and reads 0; the read request size never goes below the payload', () => {
    const { read, write, seen, hw } = open();
    write(EXPRESS + 8, 0x50, 0xa8);
    expect(seen).toEqual(['reset']);
    expect(read(EXPRESS + 8, 2)).toEqual([0x50, 0x28]);
    write(EXPRESS + 8, 0x50, 0x08);
    expect(read(EXPRESS + 8, 2)).toEqual([0x50, 0x08]);
    expect(hw.read(EXPRESS + 8, 2) & 0x7000).toBe(0x2000);
  });

  test('a vendor’s capability is written as it is, its list fields stay', () => {
    const { read, write, hw } = open();
    write(VENDOR + 4, 0xaa);
    expect(hw.read(VENDOR + 4, 1)).toBe(0xaa);
    expect(read(VENDOR, 2)).toEqual([9, 0]);
  });

  test('a virtual function has the ids of its physical one, no INTx, and memory that is always on', () => {
    const hw = hardware().put(0, 0xff, 0xff, 0xff, 0xff).put(4, 0);
    const { config, read, write } = open(hw, { virtualFunction: true });
    expect(read(0, 4)).toEqual([0x86, 0x80, 0x21, 0x20]);
    expect(read(0x3d, 1)).toEqual([0]);
    expect((read(4, 1)[0] ?? 0) & 2).toBe(2);
    write(4, 0, 0);
    expect(config.memoryEnabled).toBe(true);
  });

  test('any part beyond the end is EFAULT', () => {
    const { read } = open();
    expect(() => read(4095, 2)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
    expect(() => read(4096, 1)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
  });
});
