import { describe, expect, test } from 'vitest';
import { nvmeBench } from '../../../test/nvme-bench.js';
import { BUFFERS, DISK, LISTS, lba, ioBench as make, OPCODE, PAGE } from '../../../test/nvme-io.js';
import { STATUS } from './status.js';

const { FLUSH, WRITE, READ, COMPARE, WRITE_ZEROES, DATASET } = OPCODE;
const READY = 1;

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
    expect(io({ opcode: COMPARE, prp1: at(BUFFERS), dwords: lba(0, 8) })).toMatchObject({
      ...{ status: STATUS.COMPARE_FAILURE, doNotRetry: true },
    });
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
    const store = { size: DISK, read: broken, write: broken, zero: broken, flush };
    const { driver } = nvmeBench([store]);
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
