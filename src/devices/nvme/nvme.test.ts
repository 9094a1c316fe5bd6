import { describe, expect, test } from 'vitest';
import { deviceBench } from '../../../test/device-bench.js';
import { DATA, NvmeDriver, REG } from '../../../test/nvme-driver.js';
import { type BlockStore, MemoryStore } from '../block-store.js';
import { Nvme } from './nvme.js';
import { STATUS } from './status.js';

const PLAIN = { pasidBits: 0, pageRequests: false, virtualFunctions: 0 };
const READY = 1;
const FATAL = 2;
const MIB = 1 << 20;

function make(stores: readonly BlockStore[] = [new MemoryStore(MIB), new MemoryStore(MIB)], pages = 512) {
  const bench = deviceBench(
    (slot) =>
      new Nvme(slot, {
        ...PLAIN,
        nvme: { serial: 'TEST', namespaces: stores.map((store, i) => ({ store, blockSize: i === 0 ? 512 : 4096 })) },
      }),
    pages,
  );
  return { ...bench, driver: new NvmeDriver(bench) };
}

function ready(pages?: number) {
  const made = make(undefined, pages);
  made.driver.enable();
  expect(made.driver.createQueue(1, 8, 1)).toBe(STATUS.SUCCESS);
  return made;
}

describe('life of the controller (Base Specification 2.0, 3.5 and 3.6)', () => {
  test('CSTS.RDY follows CC.EN, and a reset deletes the queues', () => {
    const { driver } = make();
    expect(driver.status).toBe(0);
    driver.enable();
    expect(driver.status).toBe(READY);
    expect(driver.createQueue(1, 8)).toBe(STATUS.SUCCESS);
    driver.configure(0x460000);
    expect(driver.status).toBe(0);
    driver.enable();
    expect(driver.createQueue(1, 8)).toBe(STATUS.SUCCESS);
  });

  test('a doorbell of the time before a reset is not taken for a new one', () => {
    const { driver, settle } = ready();
    driver.put(1, { opcode: 0, nsid: 1 });
    driver.ring(1);
    driver.registers.setUint32(REG.CC, 0x460000, true);
    settle();
    driver.enable();
    expect(driver.createQueue(1, 8)).toBe(STATUS.SUCCESS);
    expect(driver.reap(1)).toEqual([]);
  });

  test.each([
    [
      'an admin queue that is not page-aligned',
      (driver: NvmeDriver) => driver.registers.setBigUint64(REG.ASQ, driver.at(8), true),
      0x460001,
    ],
    ['an admin queue of one entry', (driver: NvmeDriver) => driver.registers.setUint32(REG.AQA, 0, true), 0x460001],
    ['a command set that there is not', () => undefined, 0x460001 | (1 << 4)],
    ['pages of 128 KiB', () => undefined, 0x460001 | (5 << 7)],
    ['an arbitration that there is not', () => undefined, 0x460001 | (1 << 11)],
  ])('%s is fatal, and a reset recovers', (_, change, cc) => {
    const { driver } = make();
    driver.enable();
    driver.configure(0);
    change(driver);
    driver.configure(cc);
    expect(driver.status).toBe(FATAL);
    driver.configure(0);
    expect(driver.status).toBe(0);
    driver.enable();
    expect(driver.status).toBe(READY);
  });

  test.each([
    ['commands', 'submission'],
    ['completions', 'completion'],
  ])('a ring outside the address space is fatal when %s need it, and nothing else happens', (_, which) => {
    const { driver, memory, settle } = make();
    driver.enable();
    driver.configure(0);
    memory.fill(0, 0, DATA);
    driver.registers.setBigUint64(which === 'submission' ? REG.ASQ : REG.ACQ, 0xffff_ffff_ffff_f000n, true);
    driver.configure(0x460001);
    expect(driver.status).toBe(READY);
    driver.put(0, { opcode: 6, prp1: driver.at(DATA), dwords: [1] });
    driver.ring(0);
    settle();
    expect(driver.status).toBe(READY | FATAL);
    driver.ring(0, 3);
    settle();
    expect(driver.status).toBe(READY | FATAL);
  });
});

describe('queues (5.4 to 5.8)', () => {
  test.each([
    ['a completion queue 0', 5, [7 << 16, 1], STATUS.INVALID_QUEUE_ID],
    ['a completion queue beyond the last', 5, [(7 << 16) | 33, 1], STATUS.INVALID_QUEUE_ID],
    ['a completion queue that exists', 5, [(7 << 16) | 1, 1], STATUS.INVALID_QUEUE_ID],
    ['a queue of one entry', 5, [2, 1], STATUS.INVALID_QUEUE_SIZE],
    ['a queue larger than CAP.MQES', 5, [(1024 << 16) | 2, 1], STATUS.INVALID_QUEUE_SIZE],
    ['a queue that is not contiguous', 5, [(7 << 16) | 2, 0], STATUS.INVALID_FIELD],
    ['a vector that there is not', 5, [(7 << 16) | 2, 3 | (33 << 16)], STATUS.INVALID_VECTOR],
    ['a submission queue that exists', 1, [(7 << 16) | 1, 1 | (1 << 16)], STATUS.INVALID_QUEUE_ID],
    [
      'a submission queue on a completion queue that does not exist',
      1,
      [(7 << 16) | 2, 1 | (9 << 16)],
      STATUS.COMPLETION_QUEUE_INVALID,
    ],
    ['a submission queue on the admin completion queue', 1, [(7 << 16) | 2, 1], STATUS.COMPLETION_QUEUE_INVALID],
    ['deletion of a completion queue in use', 4, [1], STATUS.INVALID_QUEUE_DELETION],
    ['deletion of a completion queue that does not exist', 4, [2], STATUS.INVALID_QUEUE_ID],
    ['deletion of the admin queues', 0, [0], STATUS.INVALID_QUEUE_ID],
    ['deletion of a submission queue that does not exist', 0, [2], STATUS.INVALID_QUEUE_ID],
  ])('%s is refused', (_, opcode, dwords, status) => {
    const { driver } = ready();
    const completion = driver.admin({ opcode, prp1: driver.at(0x8000), dwords });
    expect([completion.status, completion.doNotRetry]).toEqual([status, true]);
  });

  test('a queue that is not page-aligned is refused', () => {
    const { driver } = ready();
    expect(driver.admin({ opcode: 5, prp1: driver.at(0x8010), dwords: [(7 << 16) | 2, 1] }).status).toBe(
      STATUS.INVALID_PRP_OFFSET,
    );
  });

  test('deleted queues take no more commands, and can be made again', () => {
    const { driver, settle } = ready();
    expect(driver.admin({ opcode: 0, dwords: [1] }).status).toBe(STATUS.SUCCESS);
    driver.put(1, { opcode: 0, nsid: 1 });
    driver.ring(1);
    settle();
    expect(driver.reap(1)).toEqual([]);
    expect(driver.admin({ opcode: 4, dwords: [1] }).status).toBe(STATUS.SUCCESS);
    expect(driver.createQueue(1, 8)).toBe(STATUS.SUCCESS);
    expect(driver.reap(1)).toEqual([]);
    expect(driver.run(1, { opcode: 0, nsid: 1 }).status).toBe(STATUS.SUCCESS);
  });

  test('completions wait for room in their queue, and none is lost', () => {
    const { driver, settle } = make();
    driver.enable();
    driver.createQueue(1, 4);
    const ids: number[] = [];
    const seen: number[] = [];
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 3; i++) ids.push(driver.put(1, { opcode: 0, nsid: 1 }));
      driver.ring(1);
      settle();
      const some = driver.reap(1, round % 2 === 1);
      seen.push(...some.map(({ id }) => id));
      for (let more = driver.reap(1); more.length > 0; more = driver.reap(1)) seen.push(...more.map(({ id }) => id));
    }
    expect(seen).toEqual(ids);
  });

  test('a doorbell beyond the queue is ignored, and told as an asynchronous event', () => {
    const { driver, settle } = ready();
    const request = driver.put(0, { opcode: 0x0c });
    driver.ring(0);
    settle();
    expect(driver.reap(0)).toEqual([]);
    driver.ring(1, 8);
    settle();
    const [event] = driver.reap(0);
    expect([event?.id, event?.result]).toEqual([request, (1 << 8) | (1 << 16)]);
    expect(driver.status).toBe(READY);
    expect(driver.run(1, { opcode: 0, nsid: 1 }).status).toBe(STATUS.SUCCESS);
  });

  test('at most four event requests are held; one is aborted by its name', () => {
    const { driver, settle } = ready();
    const held = [0, 1, 2, 3].map(() => driver.put(0, { opcode: 0x0c }));
    driver.ring(0);
    settle();
    expect(driver.admin({ opcode: 0x0c }).status).toBe(STATUS.EVENT_LIMIT_EXCEEDED);
    driver.put(0, { opcode: 8, dwords: [(held[2] ?? 0) << 16] });
    driver.ring(0);
    settle();
    expect(driver.reap(0).map(({ id, status }) => [id === held[2], status])).toEqual([
      [true, STATUS.ABORT_REQUESTED],
      [false, STATUS.SUCCESS],
    ]);
    expect(driver.admin({ opcode: 8, dwords: [1 | (5 << 16)] })).toMatchObject({ status: STATUS.SUCCESS, result: 1 });
  });
});

describe('identify, features, log pages', () => {
  const page = (driver: NvmeDriver, nsid: number, cns: number) => {
    const { status } = driver.admin({ opcode: 6, nsid, prp1: driver.at(DATA), dwords: [cns] });
    return { status, view: new DataView(driver.memory.buffer, DATA, 4096) };
  };

  test('Identify Controller', () => {
    const { driver } = ready();
    const { status, view } = page(driver, 0, 1);
    expect(status).toBe(STATUS.SUCCESS);
    expect(view.getUint8(77)).toBe(7);
    expect([view.getUint8(512), view.getUint8(513)]).toEqual([0x66, 0x44]);
    expect(view.getUint32(516, true)).toBe(2);
    expect(view.getBigUint64(280, true)).toBe(BigInt(2 * MIB));
  });

  test('Identify Namespace: size in blocks of the format in use; wrong namespaces are refused', () => {
    const { driver } = ready();
    expect(page(driver, 1, 0).view.getBigUint64(0, true)).toBe(2048n);
    const second = page(driver, 2, 0).view;
    expect([second.getBigUint64(0, true), second.getUint8(26)]).toEqual([256n, 1]);
    for (const nsid of [0, 3, 0xffffffff]) expect(page(driver, nsid, 0).status).toBe(STATUS.INVALID_NAMESPACE);
  });

  test('lists of namespaces, descriptors, and what is not there', () => {
    const { driver } = ready();
    const list = (nsid: number) => [0, 1, 2].map((i) => page(driver, nsid, 2).view.getUint32(i * 4, true));
    expect(list(0)).toEqual([1, 2, 0]);
    expect(list(1)).toEqual([2, 0, 0]);
    expect(page(driver, 0xfffffffe, 2).status).toBe(STATUS.INVALID_NAMESPACE);
    expect(page(driver, 2, 3).view.getUint16(0, true)).toBe(0x1002);
    expect(page(driver, 0, 6).status).toBe(STATUS.SUCCESS);
    expect(page(driver, 0, 0x20).status).toBe(STATUS.INVALID_FIELD);
  });

  test('the number of queues is granted as asked for, at most what there is, and only before queues exist', () => {
    const { driver } = make();
    driver.enable();
    expect(driver.admin({ opcode: 9, dwords: [7, 3 | (4 << 16)] }).result).toBe(3 | (4 << 16));
    expect(driver.admin({ opcode: 0x0a, dwords: [7] }).result).toBe(3 | (4 << 16));
    expect(driver.admin({ opcode: 9, dwords: [7, 99 | (99 << 16)] }).result).toBe(31 | (31 << 16));
    expect(driver.admin({ opcode: 9, dwords: [7, 0xffff] }).status).toBe(STATUS.INVALID_FIELD);
    driver.createQueue(1, 8);
    expect(driver.admin({ opcode: 9, dwords: [7, 1] }).status).toBe(STATUS.COMMAND_SEQUENCE_ERROR);
  });

  test('features: current, default, capabilities; unknown and saved ones are refused', () => {
    const { driver } = ready();
    expect(driver.admin({ opcode: 9, dwords: [6, 0] }).status).toBe(STATUS.SUCCESS);
    expect(driver.admin({ opcode: 0x0a, dwords: [6] }).result).toBe(0);
    expect(driver.admin({ opcode: 0x0a, dwords: [6 | (1 << 8)] }).result).toBe(1);
    expect(driver.admin({ opcode: 0x0a, dwords: [6 | (3 << 8)] }).result).toBe(4);
    expect(driver.admin({ opcode: 0x0a, dwords: [0x7f] }).status).toBe(STATUS.INVALID_FIELD);
    expect(driver.admin({ opcode: 9, dwords: [0x80000006, 1] }).status).toBe(STATUS.FEATURE_NOT_SAVEABLE);
  });

  test('log pages: errors are there, offsets and unknown pages are judged', () => {
    const { driver } = ready();
    expect(driver.run(1, { opcode: 0x7e, nsid: 1, dwords: [5] }).status).toBe(STATUS.INVALID_OPCODE);
    const log = (id: number, dwords: number, offset = 0) =>
      driver.admin({ opcode: 2, prp1: driver.at(DATA), dwords: [id | ((dwords - 1) << 16), 0, offset] });
    expect(log(1, 16).status).toBe(STATUS.SUCCESS);
    expect([driver.memory.getBigUint64(DATA, true), driver.memory.getUint16(DATA + 8, true)]).toEqual([1n, 1]);
    expect(log(2, 128).status).toBe(STATUS.SUCCESS);
    expect(driver.memory.getBigUint64(DATA + 176, true)).toBe(1n);
    expect(log(5, 1024).status).toBe(STATUS.SUCCESS);
    expect(driver.memory.getUint32(DATA + 1024 + 4, true)).toBe(3);
    expect(log(2, 4, 2).status).toBe(STATUS.INVALID_FIELD);
    expect(log(2, 4, 516).status).toBe(STATUS.INVALID_FIELD);
    expect(log(0x77, 4).status).toBe(STATUS.INVALID_LOG_PAGE);
  });

  test('admin commands use PRPs; unknown ones and fused ones are refused', () => {
    const { driver } = ready();
    expect(driver.admin({ opcode: 6, flags: 0x40, dwords: [1] }).status).toBe(STATUS.INVALID_FIELD);
    expect(driver.admin({ opcode: 6, flags: 1, dwords: [1] }).status).toBe(STATUS.INVALID_FIELD);
    expect(driver.admin({ opcode: 0x7f }).status).toBe(STATUS.INVALID_OPCODE);
  });

  test('Format NVM erases, and changes the block size', () => {
    const { driver, memory } = ready();
    memory.fill(9, DATA, DATA + 512);
    driver.run(1, { opcode: 1, nsid: 1, prp1: driver.at(DATA), dwords: [0, 0, 0] });
    expect(driver.admin({ opcode: 0x80, nsid: 1, dwords: [5] }).status).toBe(STATUS.INVALID_FORMAT);
    expect(driver.admin({ opcode: 0x80, nsid: 1, dwords: [1] }).status).toBe(STATUS.SUCCESS);
    expect(page(driver, 1, 0).view.getBigUint64(0, true)).toBe(256n);
    driver.run(1, { opcode: 2, nsid: 1, prp1: driver.at(DATA), dwords: [0, 0, 0] });
    expect(memory.slice(DATA, DATA + 4096).every((byte) => byte === 0)).toBe(true);
  });
});

describe('interrupts', () => {
  test('each batch of completions sends the message of its queue; without interrupts none', () => {
    const { driver, messages, settle } = ready();
    messages.length = 0;
    for (let i = 0; i < 3; i++) driver.put(1, { opcode: 0, nsid: 1 });
    driver.ring(1);
    settle();
    expect(messages).toEqual([1]);
    driver.reap(1);
    expect(driver.createQueue(2, 8)).toBe(STATUS.SUCCESS);
    messages.length = 0;
    driver.run(2, { opcode: 0, nsid: 1 });
    expect(messages).toEqual([]);
  });

  test('the pin is asserted until the head doorbell has taken all completions, and while INTMS masks it is not', () => {
    const { driver, levels, settle } = ready();
    const level = () => levels.at(-1);
    expect(level()).toBe(false);
    driver.put(1, { opcode: 0, nsid: 1 });
    driver.ring(1);
    settle();
    expect(level()).toBe(true);
    driver.registers.setUint32(REG.INTMS, 2, true);
    settle();
    expect(level()).toBe(false);
    driver.registers.setUint32(REG.INTMC, 2, true);
    settle();
    expect(level()).toBe(true);
    driver.reap(1);
    expect(level()).toBe(false);
  });

  test('a message behind the mask is sent when it is taken away', () => {
    const { driver, messages, settle } = ready();
    driver.registers.setUint32(REG.INTMS, 2, true);
    messages.length = 0;
    driver.put(1, { opcode: 0, nsid: 1 });
    driver.ring(1);
    settle();
    expect(messages).toEqual([]);
    driver.registers.setUint32(REG.INTMC, 2, true);
    settle();
    expect(messages).toEqual([1]);
  });
});
