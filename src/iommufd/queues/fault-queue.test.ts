import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { IOMMUFD, iommu_hwpt_page_response, iommu_hwpt_pgfault } from '../../abi/iommufd.js';
import { FaultQueue } from './fault-queue.js';

const RECORD = iommu_hwpt_pgfault.size;
const { IOMMUFD_PAGE_RESP_SUCCESS: SUCCESS, IOMMUFD_PAGE_RESP_INVALID: INVALID } = IOMMUFD;

/** A queue, a way to ask for pages, and what became of it. */
function setup() {
  const queue = new FaultQueue();
  const [one, two] = [{}, {}];
  const answers: (number | undefined)[] = [];
  const ask = (pages = 1, source: object = one, pasid = 0): void => {
    const at = answers.push(undefined) - 1;
    const faults = Array.from({ length: pages }, (_, i) => ({
      ...{ flags: i === pages - 1 ? 2 : 0, pasid, grpid: at, perm: 1, addr: BigInt(i) << 12n },
    }));
    const respond = (code: number): void => {
      answers[at] = code;
    };
    queue.report({ source, pasid, device: 7, faults, respond });
  };
  /** The cookies of the records that a read gives. */
  const read = (records: number) => {
    const bytes = new Uint8Array(records * RECORD);
    const got = queue.read(bytes) / RECORD;
    const view = new DataView(bytes.buffer);
    const cookies = Array.from({ length: got }, (_, i) => iommu_hwpt_pgfault.get.cookie(view, i * RECORD));
    return { bytes: bytes.subarray(0, got * RECORD), cookies };
  };
  const answer = (...responses: [cookie: number, code: number][]): number => {
    const { size, set } = iommu_hwpt_page_response;
    const view = new DataView(new ArrayBuffer(responses.length * size));
    for (const [i, [cookie, code]] of responses.entries()) {
      set.cookie(view, cookie, i * size);
      set.code(view, code, i * size);
    }
    return queue.write(new Uint8Array(view.buffer)) / size;
  };
  return { queue, one, two, answers, ask, read, answer };
}

describe('a fault queue (linux-iommufd.md, 9)', () => {
  test('gives whole groups, with one cookie each, as many as fit', () => {
    const { ask, read, queue } = setup();
    ask(2);
    ask(2);
    ask(1);
    expect(read(3).cookies).toEqual([1, 1]);
    expect(read(3).cookies).toEqual([2, 2, 3]);
    expect([queue.readable, read(1).cookies]).toEqual([false, []]);
  });

  test('is ESPIPE for a part of a record, EINVAL where the first group does not fit; the group waits on', () => {
    const { ask, read, queue } = setup();
    ask(2);
    expect(refused(() => queue.read(new Uint8Array(RECORD + 1)))).toBe('ESPIPE');
    expect(refused(() => queue.read(new Uint8Array(RECORD)))).toBe('EINVAL');
    expect(read(2).cookies).toEqual([1, 1]);
  });

  test('tells the device, the address and the flags of each request', () => {
    const { ask, read } = setup();
    ask(2, {}, 5);
    const { get } = iommu_hwpt_pgfault;
    const view = new DataView(read(2).bytes.slice().buffer);
    const of = (at: number) => [get.flags(view, at), get.dev_id(view, at), get.pasid(view, at), get.addr(view, at)];
    expect([of(0), of(RECORD)]).toEqual([
      [0, 7, 5, 0n],
      [2, 7, 5, 4096n],
    ]);
  });

  test('takes an answer for a whole group, once', () => {
    const { ask, read, answer, answers } = setup();
    ask(3);
    read(3);
    expect([answer([1, SUCCESS]), answers]).toEqual([1, [SUCCESS]]);
    expect(refused(() => answer([1, SUCCESS]))).toBe('EINVAL');
  });

  test.each([
    ['an unknown code', 1, INVALID + 1],
    ['a cookie that nothing waits for', 9, SUCCESS],
  ])('is EINVAL for %s, and short where it comes after good ones', (_, cookie, code) => {
    const { ask, read, answer, answers } = setup();
    ask();
    ask();
    read(2);
    expect(refused(() => answer([cookie, code]))).toBe('EINVAL');
    expect([answer([2, SUCCESS], [cookie, code]), answers]).toEqual([1, [undefined, SUCCESS]]);
  });

  test('takes no answer to what was not read', () => {
    const { ask, answer } = setup();
    ask();
    expect(refused(() => answer([1, SUCCESS]))).toBe('EINVAL');
  });

  test('gives cookies again when they are free, the lowest first', () => {
    const { ask, read, answer } = setup();
    for (let i = 0; i < 3; i++) ask();
    read(3);
    answer([2, SUCCESS]);
    ask();
    expect(read(1).cookies).toEqual([2]);
  });

  test('takes what did not arrive back to its place, and its cookie is free', () => {
    const { ask, read, queue } = setup();
    ask(2);
    ask(1);
    const { bytes } = read(2);
    queue.putBack(bytes);
    expect(read(3).cookies).toEqual([1, 1, 2]);
  });

  test('answers INVALID to what came through an attachment that is gone: read or not, and nothing else', () => {
    const { ask, read, queue, one, two, answers, answer } = setup();
    ask(1, one);
    ask(1, two);
    ask(1, one, 5);
    read(3);
    ask(1, one);
    queue.abandon(one, 0);
    expect(answers).toEqual([INVALID, undefined, undefined, INVALID]);
    expect([queue.readable, refused(() => answer([1, SUCCESS])), answer([2, SUCCESS])]).toEqual([false, 'EINVAL', 1]);
  });

  test('answers INVALID to all that is left when it goes', () => {
    const { ask, read, queue, answers } = setup();
    ask();
    read(1);
    ask();
    queue.destroy();
    expect(answers).toEqual([INVALID, INVALID]);
  });
});
