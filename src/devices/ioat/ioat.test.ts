import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deviceBench } from '../../../test/device-bench.js';
import { Ioat } from './ioat.js';
import { CHANCMD, CHANERR, CHANSTS, INTRCTRL, IOAT } from './registers.js';

const PLAIN = { pasidBits: 0, pageRequests: false, virtualFunctions: 0 };
const RING = 0x0;
const STATUS = 0x2000;

function bench(version: 0x33 | 0x34 = 0x33) {
  const it = deviceBench((slot) => new Ioat(slot, { ...PLAIN, ioat: { version, largestTransfer: 16 } }));
  const registers = it.bar(0);
  const memory = new DataView(it.memory.buffer);
  const at = (offset: number): bigint => it.base + BigInt(offset);
  return {
    ...it,
    registers,
    at,
    state: () => Number(registers.getBigUint64(IOAT.CHANSTS, true) & 7n),
    last: () => registers.getBigUint64(IOAT.CHANSTS, true) & ~0x3fn,
    completion: () => memory.getBigUint64(STATUS, true),
    command: (bits: number) => registers.setUint8(IOAT.CHANCMD, bits),
    ring: (count: number) => registers.setUint16(IOAT.DMACOUNT, count, true),
    chain: (address: bigint) => registers.setBigUint64(IOAT.CHAINADDR, address, true),
    completeAt: (address: bigint) => registers.setBigUint64(IOAT.CHANCMP, address, true),
    /** Descriptor `index` of a ring of eight. */
    describe: (index: number, size: number, control: number, source: bigint, target: bigint) => {
      const offset = RING + (index % 8) * 64;
      memory.setUint32(offset, size, true);
      memory.setUint32(offset + 4, control, true);
      memory.setBigUint64(offset + 8, source, true);
      memory.setBigUint64(offset + 16, target, true);
      memory.setBigUint64(offset + 24, at(RING + ((index + 1) % 8) * 64), true);
    },
  };
}

const COMPLETION = 8;
const INTERRUPT = 1;
const FILL = 1 << 24;

describe('CBDMA (Intel QuickData Technology)', () => {
  test('the device says what it is: one channel, its version, fill among the operations', () => {
    const { registers } = bench(0x34);
    expect(registers.getUint8(IOAT.CHANCNT)).toBe(1);
    expect(registers.getUint8(IOAT.CBVER)).toBe(0x34);
    expect(registers.getUint8(IOAT.XFERCAP)).toBe(16);
    expect(registers.getUint32(IOAT.DMACAPABILITY, true)).toBe(0x40);
  });

  test('RESET shows HALTED before the command reads as zero, and ARMED 10 ms later', () => {
    const { state, command, settle, registers, pass } = bench();
    pass(20);
    command(CHANCMD.RESET);
    settle();
    expect(registers.getUint8(IOAT.CHANCMD)).toBe(0);
    expect(state()).toBe(CHANSTS.HALTED);
    pass(10);
    expect(state()).toBe(CHANSTS.ARMED);
  });

  test('after RESET a chain address arms at once, also one that is found together with the reset; so do interrupts', () => {
    for (const arm of ['chain', 'interrupts'] as const) {
      const { state, command, settle, chain, at, model } = bench();
      command(CHANCMD.RESET);
      if (arm === 'chain') chain(at(RING));
      settle();
      if (arm === 'interrupts') model.interruptsChanged();
      expect(state()).toBe(CHANSTS.ARMED);
    }
  });

  test('the doorbell counts descriptors since the chain began, beyond 2^16; the completion names the last one', () => {
    const { describe: descriptor, chain, at, ring, settle, completeAt, completion, memory, state, last } = bench();
    for (let i = 0; i < 8; i++) descriptor(i, 16, COMPLETION, at(0x3000), at(0x4000 + i * 16));
    memory.fill(0x5a, 0x3000, 0x3010);
    chain(at(RING));
    completeAt(at(STATUS));
    for (let count = 0, done = 0; count < 70_000; count += 7) {
      done = count + 7;
      ring(done & 0xffff);
      settle();
      const address = at(RING + ((done - 1) % 8) * 64);
      expect(completion()).toBe(address | BigInt(CHANSTS.DONE));
      expect(last()).toBe(address);
    }
    expect(state()).toBe(CHANSTS.DONE);
    expect(memory.slice(0x4000, 0x4080)).toEqual(new Uint8Array(128).fill(0x5a));
  });

  test('a large copy is done in steps; the channel is ACTIVE between them', () => {
    const { describe: descriptor, chain, at, ring, model, state, memory } = bench();
    for (let i = 0; i < 8; i++) descriptor(i, 1 << 16, 0, at(0x10000), at(0x20000));
    memory.fill(7, 0x10000, 0x20000);
    chain(at(RING));
    ring(8);
    model.poll();
    expect(state()).toBe(CHANSTS.ACTIVE);
    model.poll();
    expect(state()).toBe(CHANSTS.DONE);
    expect(model.poll()).toBe(false);
    expect(memory.slice(0x20000, 0x30000).every((byte) => byte === 7)).toBe(true);
  });

  test('SUSPEND ends the chain: the same count again begins at CHAINADDR', () => {
    const { describe: descriptor, chain, at, ring, settle, command, state, memory, registers } = bench();
    descriptor(0, 8, FILL, 0x0807_0605_0403_0201n, at(0x3003));
    chain(at(RING));
    ring(1);
    settle();
    command(CHANCMD.SUSPEND);
    settle();
    expect([state(), registers.getUint16(IOAT.DMACOUNT, true)]).toEqual([CHANSTS.SUSPENDED, 0]);
    memory.fill(0, 0x3000, 0x4000);
    ring(1);
    settle();
    expect([...memory.slice(0x3003, 0x300b)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(state()).toBe(CHANSTS.DONE);
  });

  test('each descriptor with the interrupt bit sends one message, if INTRCTRL lets it', () => {
    const { describe: descriptor, chain, at, ring, settle, messages, registers } = bench();
    for (let i = 0; i < 8; i++) descriptor(i, 8, i % 2 ? INTERRUPT : 0, at(0x3000), at(0x4000));
    chain(at(RING));
    ring(4);
    settle();
    expect(messages).toEqual([]);
    registers.setUint8(IOAT.INTRCTRL, INTRCTRL.MSIX_VECTORS);
    ring(8);
    settle();
    expect(messages).toEqual([0, 0]);
  });

  test.each([
    ['a source that is not mapped', 64, 0, 0x1000n, undefined, CHANERR.SOURCE],
    ['a target that is not mapped', 64, 0, undefined, 0x1000n, CHANERR.TARGET],
    ['a length of zero', 0, 0, undefined, undefined, CHANERR.CONTROL],
    ['a length beyond XFERCAP', (1 << 16) + 1, 0, undefined, undefined, CHANERR.CONTROL],
    ['an operation that the device does not have', 64, 7 << 24, undefined, undefined, CHANERR.CONTROL],
  ] as const)('%s halts: the completion has the last good descriptor, CHANERR the reason', (...row) => {
    const [, size, control, source, target, error] = row;
    const {
      describe: descriptor,
      chain,
      at,
      ring,
      settle,
      completeAt,
      completion,
      state,
      registers,
      command,
    } = bench();
    descriptor(0, 64, COMPLETION, at(0x3000), at(0x4000));
    descriptor(1, size, control | COMPLETION, source ?? at(0x3000), target ?? at(0x4000));
    chain(at(RING));
    completeAt(at(STATUS));
    ring(3);
    settle();
    expect(completion()).toBe(at(RING) | BigInt(CHANSTS.HALTED));
    expect(state()).toBe(CHANSTS.HALTED);
    expect(registers.getUint32(IOAT.CHANERR, true)).toBe(error);
    // Nothing moves until RESET: neither a doorbell, nor a chain, nor time.
    ring(5);
    chain(at(RING + 64));
    settle();
    expect(state()).toBe(CHANSTS.HALTED);
    command(CHANCMD.RESET);
    settle();
    chain(at(RING));
    ring(1);
    settle();
    expect(completion()).toBe(at(RING) | BigInt(CHANSTS.DONE));
    expect(registers.getUint32(IOAT.CHANERR, true)).toBe(0);
  });

  test('a driver without completions finds the channel done after an error, with the reason in CHANERR', () => {
    const { describe: descriptor, chain, at, ring, settle, state, registers } = bench();
    descriptor(0, 64, 0, 0x1000n, at(0x4000));
    chain(at(RING));
    ring(1);
    settle();
    expect([state(), registers.getUint32(IOAT.CHANERR, true)]).toEqual([CHANSTS.DONE, CHANERR.SOURCE]);
  });

  test('a chain outside the address space, and without bus mastering any chain, fails to be read', () => {
    for (const busMaster of [true, false]) {
      const { chain, at, ring, settle, registers, port } = bench();
      port.busMaster = busMaster;
      chain(busMaster ? 0xffff_ffff_ffff_ffc0n : at(RING));
      ring(1);
      settle();
      expect(registers.getUint32(IOAT.CHANERR, true)).toBe(CHANERR.DESCRIPTOR);
    }
  });

  test('a copy may write the descriptor after it, and the data of a later one', () => {
    const { describe: descriptor, chain, at, ring, settle, memory } = bench();
    memory.fill(0x11, 0x4000, 0x4040);
    memory.fill(0x22, 0x5000, 0x5040);
    // 1 is replaced by a copy of 0x5000, and 3 copies on what 2 has just copied.
    descriptor(1, 64, 0, at(0x5000), at(0x6000));
    memory.copyWithin(0x3000, RING + 64, RING + 128);
    descriptor(0, 64, 0, at(0x3000), at(RING + 64));
    descriptor(1, 64, 0, at(0x4000), at(0x6000));
    descriptor(2, 64, 0, at(0x6000), at(0x7000));
    descriptor(3, 64, 0, at(0x7000), at(0x8000));
    chain(at(RING));
    ring(4);
    settle();
    for (const place of [0x6000, 0x7000, 0x8000])
      expect(memory.slice(place, place + 64)).toEqual(new Uint8Array(64).fill(0x22));
  });

  test('a hostile chain that loops ends: the count bounds it', () => {
    const { describe: descriptor, chain, at, ring, settle, memory, state } = bench();
    descriptor(0, 8, 0, at(0x3000), at(0x4000));
    new DataView(memory.buffer).setBigUint64(RING + 24, at(RING), true);
    chain(at(RING));
    ring(0xffff);
    settle();
    expect(state()).toBe(CHANSTS.DONE);
  });

  test('any program of copies and fills leaves memory as a model of memory does, however it is cut into doorbells', () => {
    const operation = fc.record({
      fill: fc.boolean(),
      size: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 4000, max: 0x8000 })),
      source: fc.integer({ min: 0x4000, max: 0x20000 }),
      target: fc.integer({ min: 0x4000, max: 0x20000 }),
    });
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 1, maxLength: 30 }),
        fc.infiniteStream(fc.integer({ min: 1, max: 8 })),
        (operations, cuts) => {
          const { describe: descriptor, chain, at, ring, settle, memory } = bench();
          for (let i = 0x4000; i < memory.length; i++) memory[i] = (i * 7 + (i >> 8)) & 0xff;
          const model = memory.slice(0x4000);
          chain(at(RING));
          let done = 0;
          while (done < operations.length) {
            const some = operations.slice(done, done + (cuts.next().value ?? 1));
            some.forEach(({ fill, size, source, target }, i) => {
              const bytes = model.slice(source - 0x4000, source - 0x4000 + size);
              if (fill) bytes.set(bytes.map((_, at) => (at % 8) + 1));
              model.set(bytes, target - 0x4000);
              const from = fill ? 0x0807_0605_0403_0201n : at(source);
              descriptor(done + i, size, (fill ? FILL : 0) | COMPLETION, from, at(target));
            });
            done += some.length;
            ring(done);
            settle();
          }
          expect(Buffer.compare(memory.subarray(0x4000), model)).toBe(0);
        },
      ),
      { numRuns: 40 },
    );
  });
});
