import { describe, expect, test } from 'vitest';
import { nvmeBench as make, readyNvme as ready } from '../../../../test/nvme-bench.js';
import { DATA, type NvmeDriver } from '../../../../test/nvme-driver.js';
import { STATUS } from '../status.js';

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
    expect(view.getBigUint64(280, true)).toBe(2n << 20n);
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

  test('queues beyond the number that was granted cannot be made', () => {
    const { driver } = make();
    driver.enable();
    driver.admin({ opcode: 9, dwords: [7, 0 | (1 << 16)] });
    const create = (opcode: number, id: number, more: number) =>
      driver.admin({ opcode, prp1: driver.at(0x4000 * id), dwords: [(7 << 16) | id, more] }).status;
    expect([create(5, 3, 1), create(5, 2, 1), create(5, 1, 1)]).toEqual([STATUS.INVALID_QUEUE_ID, 0, 0]);
    expect(create(1, 2, 1 | (2 << 16))).toBe(STATUS.INVALID_QUEUE_ID);
    expect(create(1, 1, 1 | (3 << 16))).toBe(STATUS.INVALID_QUEUE_ID);
    expect(create(1, 1, 1 | (2 << 16))).toBe(STATUS.SUCCESS);
  });

  test('features: current, default, capabilities; unknown and saved ones are refused', () => {
    const { driver } = ready();
    expect(driver.admin({ opcode: 9, dwords: [6, 0] }).status).toBe(STATUS.SUCCESS);
    expect(driver.admin({ opcode: 0x0a, dwords: [6] }).result).toBe(0);
    expect(driver.admin({ opcode: 0x0a, dwords: [6 | (1 << 8)] }).result).toBe(1);
    expect(driver.admin({ opcode: 0x0a, dwords: [6 | (3 << 8)] }).result).toBe(4);
    expect(driver.admin({ opcode: 0x0a, dwords: [0x7f] }).status).toBe(STATUS.INVALID_FIELD);
    expect(driver.admin({ opcode: 9, dwords: [0x80000006, 1] }).status).toBe(STATUS.FEATURE_NOT_SAVEABLE);
    expect(driver.admin({ opcode: 9, dwords: [2, 1] }).status).toBe(STATUS.INVALID_FIELD);
  });

  test('vectors have a coalescing each, and the temperature has two thresholds', () => {
    const { driver } = ready();
    const set = (id: number, value: number) => driver.admin({ opcode: 9, dwords: [id, value] }).status;
    const get = (id: number, of: number) => driver.admin({ opcode: 0x0a, dwords: [id, of] });
    expect(set(9, 2 | (1 << 16))).toBe(STATUS.SUCCESS);
    expect([get(9, 2).result, get(9, 1).result]).toEqual([2 | (1 << 16), 1]);
    expect([set(9, 33), get(9, 33).status]).toEqual([STATUS.INVALID_FIELD, STATUS.INVALID_FIELD]);
    expect(set(4, (1 << 20) | 270)).toBe(STATUS.SUCCESS);
    expect([get(4, 0).result, get(4, 1 << 20).result & 0xffff]).toEqual([343, 270]);
    expect([set(4, (1 << 16) | 300), set(4, (2 << 20) | 300)]).toEqual([STATUS.INVALID_FIELD, STATUS.INVALID_FIELD]);
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
    const health = (nsid: number) => driver.admin({ opcode: 2, nsid, prp1: driver.at(DATA), dwords: [2] }).status;
    expect([0, 0xffffffff, 1].map(health)).toEqual([0, 0, STATUS.INVALID_FIELD]);
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
    expect(driver.admin({ opcode: 0x80, nsid: 0, dwords: [1] }).status).toBe(STATUS.INVALID_NAMESPACE);
    // A cryptographic erase needs keys.
    expect(driver.admin({ opcode: 0x80, nsid: 1, dwords: [1 | (2 << 9)] }).status).toBe(STATUS.INVALID_FIELD);
    expect(driver.admin({ opcode: 0x80, nsid: 1, dwords: [1] }).status).toBe(STATUS.SUCCESS);
    expect(page(driver, 1, 0).view.getBigUint64(0, true)).toBe(256n);
    driver.run(1, { opcode: 2, nsid: 1, prp1: driver.at(DATA), dwords: [0, 0, 0] });
    expect(memory.slice(DATA, DATA + 4096).every((byte) => byte === 0)).toBe(true);
  });
});
