import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { refused } from '../../../test/refused.js';
import { QUEUE_LENGTH, RecordStream } from './record-stream.js';

const LOST = 0xff;
const record = (n: number, size = 4) => new Uint8Array(size).fill(n);
const stream = (onRelease = () => {}) => new RecordStream('a stream', () => record(LOST), onRelease);

function readAll(it: RecordStream): number[] {
  const seen: number[] = [];
  const into = new Uint8Array(4);
  while (it.readable) {
    it.read(into);
    seen.push(into[0] ?? -1);
  }
  return seen;
}

describe('a file of records', () => {
  test('gives one record a read, the oldest first, whatever room the reader has', () => {
    const it = stream();
    it.post(record(1));
    it.post(record(2));
    const room = new Uint8Array(100);
    expect([it.read(room), room[0], it.read(room), room[0]]).toEqual([4, 1, 4, 2]);
  });

  test('is EAGAIN without a record, and EINVAL for a buffer that is too small, which takes nothing', () => {
    const it = stream();
    expect(refused(() => it.read(new Uint8Array(4)))).toBe('EAGAIN');
    it.post(record(1));
    expect(refused(() => it.read(new Uint8Array(3)))).toBe('EINVAL');
    expect(readAll(it)).toEqual([1]);
  });

  test('takes a record back to its head, for a reader that faulted', () => {
    const it = stream();
    it.post(record(1));
    it.post(record(2));
    const into = new Uint8Array(4);
    it.read(into);
    it.putBack(into.slice());
    expect(readAll(it)).toEqual([1, 2]);
  });

  test('keeps the oldest when it is full, and says once that something was dropped', () => {
    const it = stream();
    const taken = Array.from({ length: QUEUE_LENGTH + 10 }, (_, i) => it.post(record(i)));
    expect(taken.filter(Boolean).length).toBe(QUEUE_LENGTH - 1);
    const seen = readAll(it);
    expect(seen).toEqual([...Array(QUEUE_LENGTH - 1).keys(), LOST]);
  });

  test('says so again after there was room', () => {
    const it = stream();
    for (let i = 0; i < QUEUE_LENGTH; i++) it.post(record(1));
    it.read(new Uint8Array(4));
    it.read(new Uint8Array(4));
    it.post(record(2));
    it.post(record(3));
    expect(readAll(it).slice(-3)).toEqual([LOST, 2, LOST]);
  });

  test('takes a group of records whole or not at all', () => {
    const it = stream();
    for (let i = 0; i < QUEUE_LENGTH - 3; i++) it.post(record(1));
    expect([it.fits(2), it.fits(3)]).toEqual([true, false]);
    expect(readAll(it).at(-1)).toBe(LOST);
  });

  test('never holds more than its length, and drops nothing silently', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (posts) => {
        const it = stream();
        let [held, dropped, told] = [0, 0, 0];
        for (const post of posts) {
          if (post) {
            if (it.post(record(1))) held++;
            else dropped++;
          } else if (it.readable) {
            const into = new Uint8Array(4);
            it.read(into);
            if (into[0] === LOST) told++;
            else held--;
          }
          expect(held).toBeLessThan(QUEUE_LENGTH);
        }
        told += readAll(it).filter((each) => each === LOST).length;
        expect(told > 0).toBe(dropped > 0);
      }),
    );
  });

  test('tells its maker of the last close', () => {
    let closed = 0;
    stream(() => closed++).release();
    expect(closed).toBe(1);
  });
});
