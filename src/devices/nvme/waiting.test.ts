import { describe, expect, test } from 'vitest';
import { deviceBench } from '../../../test/device-bench.js';
import { DATA, NvmeDriver } from '../../../test/nvme-driver.js';
import { type Done, MemoryStore } from '../block-store.js';
import { Nvme } from './nvme.js';
import { STATUS } from './status.js';

const MIB = 1 << 20;
const [FLUSH, WRITE, READ] = [0, 1, 2];
const FORCE_UNIT_ACCESS = 0x4000_0000;
const SHUTDOWN = 0xc;

/** A controller whose medium flushes when the test says so. */
function make(entries = 8) {
  const flushes: Done[] = [];
  const store = Object.assign(new MemoryStore(MIB), { flush: (done: Done) => void flushes.push(done) });
  const bench = deviceBench(
    (slot) =>
      new Nvme(slot, {
        ...{ pasidBits: 0, pageRequests: false, virtualFunctions: 0 },
        nvme: { serial: 'TEST', namespaces: [{ store, blockSize: 512 }] },
      }),
    64,
  );
  const driver = new NvmeDriver(bench);
  driver.enable();
  driver.createQueue(1, entries, 1);
  bench.messages.length = 0;
  const submit = (opcode: number, flags = 0) => {
    const id = driver.put(1, { opcode, nsid: 1, prp1: driver.at(DATA), dwords: [0, 0, flags] });
    driver.ring(1);
    bench.settle();
    return id;
  };
  const finish = (error?: Error) => {
    flushes.shift()?.(error);
    bench.settle();
  };
  const reaped = () => driver.reap(1).map(({ id, status }) => [id, status]);
  return { ...bench, driver, flushes, submit, finish, reaped };
}

describe('a medium that takes its time', () => {
  test('Flush completes when the medium has, with an interrupt; other commands do not wait for it', () => {
    const { submit, finish, reaped, messages } = make();
    const flush = submit(FLUSH);
    expect([reaped(), messages]).toEqual([[], []]);
    const read = submit(READ);
    expect([reaped(), messages]).toEqual([[[read, STATUS.SUCCESS]], [1]]);
    finish();
    expect([reaped(), messages]).toEqual([[[flush, STATUS.SUCCESS]], [1, 1]]);
  });

  test('so do Force Unit Access and writes without a cache; a failure is a Write Fault', () => {
    const { driver, submit, finish, reaped, flushes } = make();
    const forced = submit(WRITE, FORCE_UNIT_ACCESS);
    expect(reaped()).toEqual([]);
    finish(new Error('input/output error'));
    expect(reaped()).toEqual([[forced, STATUS.WRITE_FAULT]]);
    driver.admin({ opcode: 9, dwords: [6, 0] });
    const uncached = submit(WRITE);
    expect([reaped(), flushes.length]).toEqual([[], 1]);
    finish();
    expect(reaped()).toEqual([[uncached, STATUS.SUCCESS]]);
  });

  test('a completion waits for room in its queue, and comes after', () => {
    const { driver, submit, finish, flushes } = make(2);
    const [first, second] = [submit(FLUSH), submit(FLUSH)];
    expect(flushes.length).toBe(2);
    finish();
    finish();
    expect(driver.reap(1, false).map(({ id }) => id)).toEqual([first]);
    expect(driver.reap(1, false)).toEqual([]);
    driver.reap(1);
    expect(driver.reap(1).map(({ id }) => id)).toEqual([second]);
  });

  test('a deleted queue, and a reset, drop what waits', () => {
    const { driver, submit, finish, reaped } = make();
    submit(FLUSH);
    expect(driver.admin({ opcode: 0, dwords: [1] }).status).toBe(STATUS.SUCCESS);
    finish();
    expect(reaped()).toEqual([]);
    driver.enable();
    driver.configure(0x460000);
    driver.enable();
    driver.createQueue(1, 8);
    submit(FLUSH);
    driver.configure(0x460000);
    driver.enable();
    driver.createQueue(1, 8);
    finish();
    expect(reaped()).toEqual([]);
  });

  test('no more commands are taken than may wait', () => {
    const { driver, flushes, settle } = make();
    for (let slot = 0; slot < 8; slot++) driver.put(1, { opcode: FLUSH, nsid: 1 });
    for (let tail = 0; tail < 3000; tail++) {
      driver.ring(1, tail % 8);
      settle();
    }
    expect(flushes.length).toBe(1024);
  });

  test('CSTS.SHST shows that the shutdown goes on, then that it is complete; Format NVM waits too', () => {
    const { driver, finish, flushes, settle } = make();
    driver.put(0, { opcode: 0x80, nsid: 1, dwords: [0] });
    driver.ring(0);
    settle();
    expect(driver.reap(0)).toEqual([]);
    finish();
    expect(driver.reap(0)).toMatchObject([{ status: STATUS.SUCCESS }]);
    driver.configure(0x464001);
    expect(driver.status & SHUTDOWN).toBe(4);
    finish();
    expect(driver.status & SHUTDOWN).toBe(8);
    driver.configure(0x460000);
    expect(driver.status).toBe(0);
    // A shutdown that a reset ended says nothing any more.
    driver.enable();
    driver.configure(0x464001);
    driver.configure(0x460000);
    expect(flushes.length).toBe(1);
    finish();
    expect(driver.status).toBe(0);
  });
});
