import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deviceBench } from '../../../test/device-bench.js';
import { Bar } from '../../pci/bar.js';
import { Edu } from './edu.js';
import { COMMAND, EDU, REASON, STATUS, VERSION } from './registers.js';

const PLAIN = { pasidBits: 0, pageRequests: false, virtualFunctions: 0 };
const BUFFER = 0x40000n;
const TRANSFER = 100;

function bench(mapped: boolean) {
  const it = deviceBench((slot) => new Edu(slot, { ...PLAIN, edu: { mapped } }));
  const [layout] = it.model.layout.bars;
  if (!layout) throw new Error('edu has no BAR');
  const bar = new Bar(layout, () => it.settle());
  const access = (offset: number, width: number): DataView<ArrayBuffer> => {
    const bytes = new Uint8Array(width);
    bar.read(offset, bytes);
    return new DataView(bytes.buffer);
  };
  const read = (offset: number): number => access(offset, 4).getUint32(0, true);
  const write = (offset: number, value: number | bigint, width = 4): void => {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setBigUint64(0, BigInt(value), true);
    bar.write(offset, new Uint8Array(bytes.buffer, 0, width));
  };
  return { ...it, read, write, access };
}

describe.each([false, true])("QEMU's edu, mapped: %s", (mapped) => {
  test('identifies itself, and inverts what is written, also the same value again', () => {
    const { read, write } = bench(mapped);
    expect(read(EDU.IDENTIFICATION)).toBe(VERSION);
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (value) => {
        write(EDU.LIVENESS, value);
        expect(read(EDU.LIVENESS)).toBe(~value >>> 0);
        write(EDU.LIVENESS, ~value >>> 0);
        expect(read(EDU.LIVENESS)).toBe(value);
      }),
    );
  });

  test('refuses narrow accesses, wide ones below 0x80, and reads as ones where no register is', () => {
    const { read, write, access } = bench(mapped);
    write(EDU.LIVENESS, 0, 2);
    write(EDU.LIVENESS, 0, 1);
    write(EDU.STATUS, 0x80n, 8);
    expect([read(EDU.LIVENESS), read(EDU.STATUS)]).toEqual([0, 0]);
    expect(access(EDU.IDENTIFICATION, 2).getUint16(0, true)).toBe(0);
    expect(access(EDU.IDENTIFICATION, 8).getBigUint64(0, true)).toBe((1n << 64n) - 1n);
    expect([read(0x0c), read(EDU.INTERRUPT_RAISE), read(0x84), read(0xffffc)]).toEqual(Array(4).fill(0xffff_ffff));
    write(EDU.DMA_SOURCE, 0x1234_5678_9abcn, 8);
    expect(access(EDU.DMA_SOURCE, 8).getBigUint64(0, true)).toBe(0x1234_5678_9abcn);
  });

  test('computes factorials modulo 2^32, is busy meanwhile, and interrupts at the end if it shall', () => {
    const { read, write, settle, levels } = bench(mapped);
    write(EDU.FACTORIAL, 12);
    if (!mapped) expect(read(EDU.STATUS)).toBe(STATUS.COMPUTING);
    write(EDU.STATUS, STATUS.INTERRUPT_AFTER_FACTORIAL);
    settle();
    expect([read(EDU.FACTORIAL), read(EDU.STATUS)]).toEqual([479001600, STATUS.INTERRUPT_AFTER_FACTORIAL]);
    let expected = 1n;
    for (let number = 1; number < 40; number++) {
      expected = BigInt.asUintN(32, expected * BigInt(number));
      write(EDU.FACTORIAL, number);
      settle();
      expect(BigInt(read(EDU.FACTORIAL))).toBe(expected);
    }
    expect(read(EDU.INTERRUPT_STATUS)).toBe(REASON.FACTORIAL);
    write(EDU.INTERRUPT_ACKNOWLEDGE, REASON.FACTORIAL);
    expect(levels.at(-1)).toBe(false);
  });

  test('asserts its pin as long as a reason is left, and sends a message for each that is raised', () => {
    const { read, write, levels, messages } = bench(mapped);
    write(EDU.INTERRUPT_RAISE, 5);
    write(EDU.INTERRUPT_RAISE, 0x8000_0000);
    write(EDU.INTERRUPT_ACKNOWLEDGE, 4);
    expect([read(EDU.INTERRUPT_STATUS), levels.at(-1)]).toEqual([0x8000_0001, true]);
    write(EDU.INTERRUPT_ACKNOWLEDGE, 0xffff_ffff);
    expect([read(EDU.INTERRUPT_STATUS), levels.at(-1), messages]).toEqual([0, false, [0, 0]]);
  });

  test('moves between memory and its buffer after 100 ms, and takes no new transfer before', () => {
    const { read, write, memory, base, pass, messages } = bench(mapped);
    memory.set([1, 2, 3, 4], 8);
    const start = (source: bigint, destination: bigint, count: number, command: bigint): void => {
      write(EDU.DMA_SOURCE, source, 8);
      write(EDU.DMA_DESTINATION, destination, 8);
      write(EDU.DMA_COUNT, count);
      write(EDU.DMA_COMMAND, command);
    };
    start(base + 8n, BUFFER + 4092n, 4, COMMAND.RUN);
    write(EDU.DMA_COUNT, 1);
    pass(TRANSFER - 1);
    expect([read(EDU.DMA_COMMAND), read(EDU.DMA_COUNT)]).toEqual([1, 4]);
    pass(1);
    expect(read(EDU.DMA_COMMAND)).toBe(0);
    // The 29th bit of an address is not driven.
    start(BUFFER + 4092n, base + 0x1000_0000n + 32n, 4, COMMAND.RUN | COMMAND.FROM_DEVICE | COMMAND.INTERRUPT);
    pass(TRANSFER);
    expect([...memory.subarray(32, 37)]).toEqual([1, 2, 3, 4, 0]);
    expect([messages, read(EDU.INTERRUPT_STATUS)]).toEqual([[0], REASON.DMA]);
    // One byte beyond the buffer.
    start(BUFFER + 4093n, base + 64n, 4, COMMAND.RUN | COMMAND.FROM_DEVICE);
    pass(TRANSFER);
    expect([...memory.subarray(64, 68)]).toEqual([0, 0, 0, 0]);
  });

  test('a reset ends a transfer, and leaves nothing', () => {
    const { read, write, model, pass, levels } = bench(mapped);
    write(EDU.INTERRUPT_RAISE, 1);
    write(EDU.LIVENESS, 1);
    write(EDU.DMA_COMMAND, COMMAND.RUN | COMMAND.INTERRUPT);
    model.reset();
    pass(2 * TRANSFER);
    expect([EDU.LIVENESS, EDU.DMA_COMMAND, EDU.INTERRUPT_STATUS].map(read)).toEqual([0, 0, 0]);
    expect(levels.at(-1)).toBe(false);
  });
});

describe("QEMU's edu, mapped by a program", () => {
  test('is driven by stores that are seen by looking: raise and acknowledge the same bits again, DMA', () => {
    const { bar, settle, memory, base, pass, levels } = bench(true);
    const view = bar(0);
    for (let round = 0; round < 2; round++) {
      view.setUint32(EDU.INTERRUPT_RAISE, 7, true);
      settle();
      expect([view.getUint32(EDU.INTERRUPT_STATUS, true), levels.at(-1)]).toEqual([7, true]);
      view.setUint32(EDU.INTERRUPT_ACKNOWLEDGE, 7, true);
      settle();
      expect([view.getUint32(EDU.INTERRUPT_STATUS, true), levels.at(-1)]).toEqual([0, false]);
    }
    memory[0] = 9;
    for (const [source, destination, command] of [
      [base, BUFFER, 1n],
      [BUFFER, base + 1n, 3n],
    ] as const) {
      view.setBigUint64(EDU.DMA_SOURCE, source, true);
      view.setBigUint64(EDU.DMA_DESTINATION, destination, true);
      view.setBigUint64(EDU.DMA_COUNT, 1n, true);
      view.setBigUint64(EDU.DMA_COMMAND, command, true);
      settle();
      pass(TRANSFER);
      settle();
      expect(view.getBigUint64(EDU.DMA_COMMAND, true) & 1n).toBe(0n);
    }
    expect(memory[1]).toBe(9);
  });
});
