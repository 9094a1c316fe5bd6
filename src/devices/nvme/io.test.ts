import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deviceBench } from '../../../test/device-bench.js';
import { DATA, NvmeDriver, type Submission } from '../../../test/nvme-driver.js';
import { MemoryStore } from '../block-store.js';
import { Nvme } from './nvme.js';
import { STATUS } from './status.js';

const PLAIN = { pasidBits: 0, pageRequests: false, virtualFunctions: 0 };
const MIB = 1 << 20;
const PAGE = 4096;
const [FLUSH, WRITE, READ, COMPARE, WRITE_ZEROES, DATASET] = [0, 1, 2, 5, 8, 9];
const SGL = 0x40;
const READY = 1;

/** Memory: rings below DATA, lists in 32 pages there, then data. */
const LISTS = DATA;
const BUFFERS = DATA + 32 * PAGE;
const PAGES = 512;

function make(entries = 8) {
  const flushes = { count: 0 };
  const stores = [new MemoryStore(MIB), new MemoryStore(MIB)].map((store) =>
    Object.assign(store, {
      flush: (done: () => void) => {
        flushes.count++;
        done();
      },
    }),
  );
  const bench = deviceBench(
    (slot) =>
      new Nvme(slot, {
        ...PLAIN,
        nvme: { serial: 'TEST', namespaces: stores.map((store, i) => ({ store, blockSize: i === 0 ? 512 : 4096 })) },
      }),
    PAGES,
  );
  const driver = new NvmeDriver(bench);
  driver.enable();
  driver.createQueue(1, entries);
  const io = (submission: Submission) => driver.run(1, { nsid: 1, ...submission });
  const quad = (offset: number, value: bigint) => driver.memory.setBigUint64(offset, value, true);
  /** An SGL descriptor in memory. */
  const descriptor = (offset: number, type: number, address: bigint, length: number) => {
    quad(offset, address);
    quad(offset + 8, BigInt(length) | (BigInt(type) << 60n));
  };
  /** The same as the two halves of a data pointer. */
  const sgl = (type: number, address: bigint, length: number) => ({
    ...{ flags: SGL, prp1: address, prp2: BigInt(length) | (BigInt(type) << 60n) },
  });
  return { ...bench, driver, io, quad, descriptor, sgl, flushes, at: (offset: number) => driver.at(offset) };
}

const lba = (first: number, count: number, flags = 0) => [first, 0, (count - 1) | flags];

describe('I/O commands (NVM Command Set Specification 1.0, section 3)', () => {
  test('what is written is read back; what never was reads as zero', () => {
    const { io, memory, at } = make();
    for (let i = 0; i < 1024; i++) memory[BUFFERS + i] = i * 5;
    expect(io({ opcode: WRITE, prp1: at(BUFFERS), dwords: lba(3, 2) }).status).toBe(STATUS.SUCCESS);
    memory.fill(0xff, BUFFERS + PAGE, BUFFERS + 3 * PAGE);
    expect(io({ opcode: READ, prp1: at(BUFFERS + PAGE), dwords: lba(2, 4) }).status).toBe(STATUS.SUCCESS);
    expect(memory.slice(BUFFERS + PAGE + 512, BUFFERS + PAGE + 1536)).toEqual(memory.slice(BUFFERS, BUFFERS + 1024));
    expect(memory.slice(BUFFERS + PAGE, BUFFERS + PAGE + 512).every((byte) => byte === 0)).toBe(true);
    expect(memory[BUFFERS + PAGE + 2048]).toBe(0xff);
  });

  test('Flush, Force Unit Access and a switched-off cache make writes survive', () => {
    const { io, at, flushes, driver } = make();
    io({ opcode: WRITE, prp1: at(BUFFERS), dwords: lba(0, 1) });
    expect(flushes.count).toBe(0);
    io({ opcode: FLUSH });
    expect(flushes.count).toBe(1);
    io({ opcode: FLUSH, nsid: 0xffffffff });
    expect(flushes.count).toBe(3);
    io({ opcode: WRITE, prp1: at(BUFFERS), dwords: lba(0, 1, 0x40000000) });
    expect(flushes.count).toBe(4);
    driver.admin({ opcode: 9, dwords: [6, 0] });
    io({ opcode: WRITE, prp1: at(BUFFERS), dwords: lba(0, 1) });
    expect(flushes.count).toBe(5);
  });

  test('Compare, Write Zeroes, Dataset Management', () => {
    const { io, at, memory, descriptor, quad } = make();
    memory.fill(7, BUFFERS, BUFFERS + 4096);
    io({ opcode: WRITE, prp1: at(BUFFERS), dwords: lba(0, 8) });
    expect(io({ opcode: COMPARE, prp1: at(BUFFERS), dwords: lba(4, 4) }).status).toBe(STATUS.SUCCESS);
    expect(io({ opcode: WRITE_ZEROES, dwords: lba(1, 2) }).status).toBe(STATUS.SUCCESS);
    expect(io({ opcode: COMPARE, prp1: at(BUFFERS), dwords: lba(0, 8) }).status).toBe(STATUS.COMPARE_FAILURE);
    // Two ranges: 1 block from 5 on, 2 blocks from 6 on.
    descriptor(BUFFERS + PAGE, 0, 1n << 32n, 5);
    descriptor(BUFFERS + PAGE + 16, 0, 2n << 32n, 6);
    const trim = { opcode: DATASET, prp1: at(BUFFERS + PAGE) };
    expect(io({ ...trim, dwords: [1, 4] }).status).toBe(STATUS.SUCCESS);
    io({ opcode: READ, prp1: at(BUFFERS), dwords: lba(0, 8) });
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((block) => memory[BUFFERS + block * 512])).toEqual([7, 0, 0, 7, 7, 0, 0, 0]);
    // One range outside: nothing is let go.
    quad(BUFFERS + PAGE + 24, 4000n);
    quad(BUFFERS + PAGE + 8, 0n);
    expect(io({ ...trim, dwords: [1, 4] }).status).toBe(STATUS.LBA_OUT_OF_RANGE);
    io({ opcode: READ, prp1: at(BUFFERS), dwords: lba(0, 1) });
    expect(memory[BUFFERS]).toBe(7);
  });

  test.each([
    ['a block beyond the last', { opcode: READ, dwords: lba(2047, 2) }, STATUS.LBA_OUT_OF_RANGE],
    ['a block number of 64 bits', { opcode: WRITE, dwords: [0xffffffff, 0xffffffff, 0] }, STATUS.LBA_OUT_OF_RANGE],
    ['a namespace that does not exist', { opcode: READ, nsid: 3, dwords: lba(0, 1) }, STATUS.INVALID_NAMESPACE],
    ['all namespaces', { opcode: READ, nsid: 0xffffffff, dwords: lba(0, 1) }, STATUS.INVALID_NAMESPACE],
    ['namespace 0', { opcode: FLUSH, nsid: 0 }, STATUS.INVALID_NAMESPACE],
    ['more than MDTS', { opcode: READ, dwords: lba(0, 1025) }, STATUS.INVALID_FIELD],
    ['a fused operation', { opcode: READ, flags: 1, dwords: lba(0, 1) }, STATUS.INVALID_FIELD],
    ['a reserved kind of data pointer', { opcode: READ, flags: 0xc0, dwords: lba(0, 1) }, STATUS.INVALID_FIELD],
    ['an operation that there is not', { opcode: 0x33 }, STATUS.INVALID_OPCODE],
  ])('%s is refused', (_, submission, status) => {
    const { io, at, driver } = make();
    expect(io({ prp1: at(BUFFERS), ...submission }).status).toBe(status);
    expect(driver.status).toBe(READY);
  });

  test('a medium that fails is told: Write Fault, Unrecovered Read Error', () => {
    const broken = () => {
      throw new Error('no space left on device');
    };
    const flush = (done: (error: Error) => void) => done(new Error('no space left on device'));
    const store = { size: MIB, read: broken, write: broken, zero: broken, flush };
    const bench = deviceBench(
      (slot) => new Nvme(slot, { ...PLAIN, nvme: { serial: 'TEST', namespaces: [{ store, blockSize: 512 }] } }),
      PAGES,
    );
    const driver = new NvmeDriver(bench);
    driver.enable();
    driver.createQueue(1, 8);
    const status = (opcode: number) =>
      driver.run(1, { opcode, nsid: 1, prp1: driver.at(BUFFERS), dwords: lba(0, 1) }).status;
    expect([WRITE, READ, WRITE_ZEROES, FLUSH].map(status)).toEqual([0x280, 0x281, 0x280, 0x280]);
  });
});

describe('PRPs (Base Specification 2.0, 4.1.1)', () => {
  test('two pages by PRP2, more by a list; a list that begins in the middle of a page chains by its last entry', () => {
    const { io, at, memory, quad } = make();
    for (let i = 0; i < 128 * PAGE; i++) memory[BUFFERS + i] = (i * 3 + (i >> 11)) & 0xff;
    // 100 KiB from an odd page offset; the list has two entries, one of them the chain.
    const size = 200 * 512;
    const list = LISTS + PAGE - 16;
    quad(list, at(BUFFERS + PAGE));
    quad(list + 8, at(LISTS + 4 * PAGE));
    for (let i = 0; i < 30; i++) quad(LISTS + 4 * PAGE + i * 8, at(BUFFERS + (i + 2) * PAGE));
    expect(io({ opcode: WRITE, prp1: at(BUFFERS + 0x204), prp2: at(list), dwords: lba(0, 200) }).status).toBe(
      STATUS.SUCCESS,
    );
    const target = BUFFERS + 200 * PAGE;
    for (let i = 0; i < 30; i++) quad(LISTS + i * 8, at(target + (i + 1) * PAGE));
    expect(io({ opcode: READ, prp1: at(target), prp2: at(LISTS), dwords: lba(0, 200) }).status).toBe(STATUS.SUCCESS);
    expect(
      Buffer.compare(memory.subarray(target, target + size), memory.subarray(BUFFERS + 0x204, BUFFERS + 0x204 + size)),
    ).toBe(0);
  });

  test.each([
    ['PRP1 that is not aligned to 4 bytes', 2n, 0n, 1, STATUS.INVALID_PRP_OFFSET],
    ['PRP2 with an offset', 0n, 0x1004n, 16, STATUS.INVALID_PRP_OFFSET],
    ['a list that is not aligned to 8 bytes', 0n, 0x1004n, 24, STATUS.INVALID_PRP_OFFSET],
  ])('%s is refused', (_, prp1, prp2, blocks, status) => {
    const { io, at } = make();
    expect(io({ opcode: READ, prp1: at(BUFFERS) + prp1, prp2: at(LISTS) + prp2, dwords: lba(0, blocks) }).status).toBe(
      status,
    );
  });

  test('entries with an offset, chains with an offset, lists and pages outside the address space', () => {
    const { io, at, quad } = make();
    const read = (prp2: bigint, blocks = 32) =>
      io({ opcode: READ, prp1: at(BUFFERS), prp2, dwords: lba(0, blocks) }).status;
    quad(LISTS, at(BUFFERS + 0x10));
    expect(read(at(LISTS))).toBe(STATUS.INVALID_PRP_OFFSET);
    // A list whose only entry leads to itself.
    quad(LISTS + PAGE - 8, at(LISTS + PAGE - 8));
    expect(read(at(LISTS + PAGE - 8))).toBe(STATUS.INVALID_PRP_OFFSET);
    expect(read(0xffff_ffff_ffff_f000n)).toBe(STATUS.DATA_TRANSFER_ERROR);
    quad(LISTS, 0n);
    expect(read(at(LISTS))).toBe(STATUS.DATA_TRANSFER_ERROR);
  });
});

describe('SGLs (4.1.2)', () => {
  test('a data block of any alignment; segments; a bit bucket drops what is read', () => {
    const { io, at, memory, sgl, descriptor } = make();
    for (let i = 0; i < 2048; i++) memory[BUFFERS + i + 1] = i * 11;
    expect(io({ opcode: WRITE, ...sgl(0, at(BUFFERS + 1), 2048), dwords: lba(0, 4) }).status).toBe(STATUS.SUCCESS);
    descriptor(LISTS, 0, at(BUFFERS + 0x2003), 700);
    descriptor(LISTS + 16, 3, at(LISTS + PAGE), 48);
    descriptor(LISTS + PAGE, 1, 0n, 300);
    descriptor(LISTS + PAGE + 16, 0, at(BUFFERS + 0x4000), 0);
    descriptor(LISTS + PAGE + 32, 0, at(BUFFERS + 0x4000), 5000);
    expect(io({ opcode: READ, ...sgl(2, at(LISTS), 32), dwords: lba(0, 4) }).status).toBe(STATUS.SUCCESS);
    expect(
      Buffer.compare(
        memory.subarray(BUFFERS + 0x2003, BUFFERS + 0x2003 + 700),
        memory.subarray(BUFFERS + 1, BUFFERS + 701),
      ),
    ).toBe(0);
    expect(
      Buffer.compare(
        memory.subarray(BUFFERS + 0x4000, BUFFERS + 0x4000 + 1048),
        memory.subarray(BUFFERS + 1001, BUFFERS + 2049),
      ),
    ).toBe(0);
    expect(memory[BUFFERS + 0x4000 + 1048]).toBe(0);
  });

  test('what is wrong with a list has a status of its own', () => {
    const { io, at, sgl, descriptor, driver } = make();
    const read = (pointer: ReturnType<typeof sgl>) => io({ opcode: READ, ...pointer, dwords: lba(0, 4) }).status;
    expect(read(sgl(0, at(BUFFERS), 2047))).toBe(STATUS.INVALID_SGL_LENGTH);
    expect(read(sgl(4, at(BUFFERS), 2048))).toBe(STATUS.INVALID_SGL_TYPE);
    expect(read(sgl(2, at(LISTS), 8))).toBe(STATUS.INVALID_SGL_SEGMENT);
    expect(read(sgl(2, at(LISTS), 0))).toBe(STATUS.INVALID_SGL_SEGMENT);
    expect(read(sgl(2, at(LISTS), 0xfffffff0))).toBe(STATUS.INVALID_SGL_COUNT);
    expect(read(sgl(2, 0xffff_ffff_ffff_fff0n, 16))).toBe(STATUS.DATA_TRANSFER_ERROR);
    // A segment descriptor that is not the last of its segment; one in a last segment.
    descriptor(LISTS, 2, at(LISTS), 16);
    descriptor(LISTS + 16, 0, at(BUFFERS), 2048);
    expect(read(sgl(2, at(LISTS), 32))).toBe(STATUS.INVALID_SGL_SEGMENT);
    expect(read(sgl(3, at(LISTS), 16))).toBe(STATUS.INVALID_SGL_SEGMENT);
    // A segment that leads to itself for ever.
    expect(read(sgl(2, at(LISTS), 16))).toBe(STATUS.INVALID_SGL_COUNT);
    expect(driver.status).toBe(READY);
  });
});

test('any program of I/O, through any depth, data pointers of any shape and resets, is as on a model of a disk', () => {
  const BLOCKS = 2048;
  const operation = fc.record({
    kind: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'read', 'zero', 'reset', 'format'),
    first: fc.nat(BLOCKS - 1),
    count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 20, max: 300 })),
    offset: fc.nat(1023).map((n) => n * 4),
    shape: fc.constantFrom('prp', 'sgl', 'segments'),
    wait: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(operation, { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 2, max: 40 }),
      (operations, entries) => {
        const { driver, memory, at, quad, descriptor, sgl, settle } = make(entries);
        const disk = new Uint8Array(MIB);
        const waiting: { id: number; check: () => void }[] = [];
        let seed = 1;
        let slot = 0;
        const finish = () => {
          driver.ring(1);
          settle();
          for (const { id, status } of driver.reap(1)) {
            const next = waiting.shift();
            expect([id, status]).toEqual([next?.id, STATUS.SUCCESS]);
            next?.check();
          }
          expect(waiting).toEqual([]);
        };
        for (const { kind, first, count: wanted, offset, shape, wait } of operations) {
          if (kind === 'reset') {
            finish();
            driver.configure(0x460000);
            driver.enable();
            driver.createQueue(1, entries);
            continue;
          }
          if (kind === 'format') {
            finish();
            driver.admin({ opcode: 0x80, nsid: 1, dwords: [0] });
            disk.fill(0);
            continue;
          }
          const count = Math.min(wanted, BLOCKS - first);
          const size = count * 512;
          // Four buffers in turn: no two commands that are on their way share one.
          if (waiting.length === Math.min(4, entries - 1)) finish();
          slot = (slot + 1) % 4;
          const buffer = BUFFERS + slot * 64 * PAGE;
          const lists = LISTS + slot * 8 * PAGE;
          const start = shape === 'prp' ? buffer + offset : buffer + offset + 1;
          let pointer: Partial<Submission> = {};
          if (shape === 'sgl') pointer = sgl(0, at(start), size);
          else if (shape === 'segments') {
            const half = Math.floor(size / 2) + 1;
            descriptor(lists, 0, at(start), half);
            descriptor(lists + 16, 3, at(lists + PAGE), 16);
            descriptor(lists + PAGE, 0, at(start + half), size - half);
            pointer = sgl(2, at(lists), 32);
          } else {
            const pages: bigint[] = [];
            for (let page = Math.floor(start / PAGE) + 1; page * PAGE < start + size; page++)
              pages.push(at(page * PAGE));
            // The list begins near the end of a page, so that it chains.
            const list = lists + PAGE - 8 * ((offset % 5) + 2);
            const room = (lists + PAGE - list) / 8;
            pages.forEach((page, i) => {
              const chained = pages.length > room && i >= room - 1;
              quad(chained ? lists + 2 * PAGE + (i - room + 1) * 8 : list + i * 8, page);
            });
            if (pages.length > room) quad(lists + PAGE - 8, at(lists + 2 * PAGE));
            pointer = { prp1: at(start), prp2: pages.length === 1 ? (pages[0] ?? 0n) : at(list) };
          }
          const blocks = disk.subarray(first * 512, first * 512 + size);
          if (kind === 'write') {
            for (let i = 0; i < size; i++) {
              seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
              memory[start + i] = seed >>> 16;
            }
            blocks.set(memory.subarray(start, start + size));
          } else if (kind === 'zero') blocks.fill(0);
          else memory.fill(0xee, start, start + size);
          const expected = blocks.slice();
          const opcode = kind === 'write' ? WRITE : kind === 'zero' ? WRITE_ZEROES : READ;
          const id = driver.put(1, { opcode, nsid: 1, ...pointer, dwords: lba(first, count) });
          waiting.push({
            id,
            check: () => {
              if (kind === 'read') expect(Buffer.compare(memory.subarray(start, start + size), expected)).toBe(0);
            },
          });
          if (wait) finish();
        }
        finish();
      },
    ),
    { numRuns: 60 },
  );
});
