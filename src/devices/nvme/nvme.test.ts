import { describe, expect, test } from 'vitest';
import { nvmeBench as make, readyNvme as ready } from '../../../test/nvme-bench.js';
import { DATA, type NvmeDriver, REG } from '../../../test/nvme-driver.js';
import { STATUS } from './status.js';

const READY = 1;
const FATAL = 2;

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

  test('what a driver stores into registers that are read-only changes nothing', () => {
    const { driver, settle } = ready();
    const before = [REG.CAP, REG.CAP + 4, REG.VS, REG.CSTS].map((at) => driver.registers.getUint32(at, true));
    for (const at of [REG.CAP, REG.CAP + 4, REG.VS, REG.CSTS]) driver.registers.setUint32(at, 0xffff_fffe, true);
    settle();
    expect([REG.CAP, REG.CAP + 4, REG.VS, REG.CSTS].map((at) => driver.registers.getUint32(at, true))).toEqual(before);
    expect(driver.run(1, { opcode: 0, nsid: 1 }).status).toBe(STATUS.SUCCESS);
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
    ['a submission queue on the admin completion queue', 1, [(7 << 16) | 2, 1], STATUS.INVALID_QUEUE_ID],
    [
      'a submission queue on a completion queue beyond the last',
      1,
      [(7 << 16) | 2, 1 | (33 << 16)],
      STATUS.INVALID_QUEUE_ID,
    ],
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
