import { describe, expect, test } from 'vitest';
import { refused } from '../../test/refused.js';
import { allocation } from '../memory/allocation.js';
import { FaultInjection } from './fault-injection.js';
import { VirtualKernel } from './kernel.js';
import { Process } from './process.js';

const process = new Process(new VirtualKernel(), () => 1);
const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const set = (faults: FaultInjection, tid: number, text: string) => faults.open(tid).pwrite(process, bytes(text), 0n);
const left = (faults: FaultInjection, tid: number): string => {
  const into = new Uint8Array(16);
  const got = faults.open(tid).pread(process, into, 0n);
  return String.fromCharCode(...into.subarray(0, got));
};
/** A call with three allocations. */
const three = (): void => {
  for (let i = 0; i < 3; i++) allocation(`thing ${i}`);
};

describe('fail-nth of a task (fault-injection.rst)', () => {
  test('fails the n-th allocation of its calls, over several of them, and no other', () => {
    const faults = new FaultInjection();
    set(faults, 1, '5');
    expect(refused(() => faults.during(1, three))).toBe('ok');
    expect([left(faults, 1), refused(() => faults.during(1, three)), left(faults, 1)]).toEqual([
      '2\n',
      'ENOMEM',
      '0\n',
    ]);
    expect(refused(() => faults.during(1, three))).toBe('ok');
  });

  test('concerns that task alone', () => {
    const faults = new FaultInjection();
    set(faults, 1, '1');
    expect([refused(() => faults.during(2, three)), refused(() => faults.during(1, three))]).toEqual(['ok', 'ENOMEM']);
  });

  test('is off outside of calls, also after one that failed', () => {
    const faults = new FaultInjection();
    set(faults, 1, '1');
    refused(() => faults.during(1, three));
    set(faults, 1, '1');
    expect(refused(three)).toBe('ok');
  });

  test.each(['', 'x', '-1', '2147483648', '1 2'])('takes no %j: EINVAL', (text) => {
    expect(refused(() => set(new FaultInjection(), 1, text))).toBe('EINVAL');
  });

  test('takes 0 for none, and is read piece by piece', () => {
    const faults = new FaultInjection();
    set(faults, 1, '12\n');
    const into = new Uint8Array(1);
    expect([faults.open(1).pread(process, into, 1n), into[0]]).toEqual([1, '2'.charCodeAt(0)]);
    set(faults, 1, '0');
    expect([left(faults, 1), faults.open(1).pread(process, into, 99n)]).toEqual(['0\n', 0]);
  });
});
