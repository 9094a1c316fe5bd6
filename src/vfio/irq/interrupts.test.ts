import { describe, expect, test } from 'vitest';
import { Errno } from '../../abi/errno.js';
import type { EventSignal } from '../../kernel/file/open-file.js';
import { Interrupts, type IrqFacts } from './interrupts.js';
import { checkIrqSet, irqRequest } from './request.js';

const NONE = 1;
const BOOL = 2;
const EVENTFD = 4;
const MASK = 8;
const UNMASK = 16;
const TRIGGER = 32;
const [INTX, MSI, MSIX, ERR, REQ] = [0, 1, 2, 3, 4];

class Counter implements EventSignal {
  count = 0;
  references = 0;
  signal(): void {
    this.count++;
  }
  take(): boolean {
    const had = this.count > 0;
    this.count = 0;
    return had;
  }
  close(): void {
    this.references--;
  }
}

/** Eventfds 10 to 19; every other descriptor is closed. */
function setUp(facts: Partial<IrqFacts> = {}) {
  const irqs = new Interrupts({ pin: 1, msi: 4, msix: 8, dynamic: false, express: true, ...facts });
  const counters = Array.from({ length: 10 }, () => new Counter());
  const eventfd = (fd: number): EventSignal => {
    const counter = counters[fd - 10];
    if (!counter) throw new Errno('EBADF', `descriptor ${fd} is not open`);
    counter.references++;
    return counter;
  };
  const caller = { eventfd };
  const set = (flags: number, index: number, start: number, count: number, data: readonly number[] = []) => {
    const width = flags & EVENTFD ? 4 : flags & BOOL ? 1 : 0;
    const bytes = new Uint8Array(data.length * width);
    for (const [i, value] of data.entries()) {
      if (width === 4) new DataView(bytes.buffer).setInt32(4 * i, value, true);
      else bytes[i] = value;
    }
    const header = { argsz: 20 + bytes.length, flags, index, start, count };
    checkIrqSet(header, (it) => irqs.count(it));
    irqs.set(caller, irqRequest(header, bytes));
  };
  const at = (fd: number): Counter => counters[fd - 10] as Counter;
  return { irqs, set, at, counters };
}

const fails = (code: string) => expect.objectContaining({ code });

describe('SET_IRQS (linux-vfio.md, 5.6)', () => {
  test('the header is judged in order; an index without interrupts is always EINVAL', () => {
    const { set } = setUp({ pin: 0 });
    expect(() => set(NONE | TRIGGER, INTX, 0, 0)).toThrow(fails('EINVAL'));
    expect(() => set(NONE | TRIGGER, 5, 0, 0)).toThrow(fails('EINVAL'));
    expect(() => set(NONE | TRIGGER | 64, MSI, 0, 1)).toThrow(fails('EINVAL'));
    expect(() => set(NONE | BOOL | TRIGGER, MSI, 0, 1)).toThrow(fails('EINVAL'));
    expect(() => set(NONE | TRIGGER, MSI, 4, 0)).toThrow(fails('EINVAL'));
    expect(() => set(NONE | TRIGGER, MSI, 0, 0xffff_ffff)).toThrow(fails('EINVAL'));
    expect(() => set(EVENTFD | TRIGGER, MSI, 0, 2, [10])).toThrow(fails('EINVAL'));
    expect(() => set(NONE | TRIGGER | MASK, MSI, 0, 1)).toThrow(fails('ENOTTY'));
    expect(() => set(NONE | MASK, MSIX, 0, 1)).toThrow(fails('ENOTTY'));
  });

  test('one of INTx, MSI and MSI-X can be active; disabling what is not active is EINVAL', () => {
    const { set } = setUp();
    set(EVENTFD | TRIGGER, MSI, 0, 1, [10]);
    expect(() => set(EVENTFD | TRIGGER, MSIX, 0, 1, [11])).toThrow(fails('EINVAL'));
    expect(() => set(NONE | TRIGGER, INTX, 0, 0)).toThrow(fails('EINVAL'));
    set(NONE | TRIGGER, MSI, 0, 0);
    expect(() => set(NONE | TRIGGER, MSI, 0, 0)).toThrow(fails('EINVAL'));
    set(EVENTFD | TRIGGER, MSIX, 0, 1, [11]);
  });

  test('loopback signals wired vectors before the call returns; others are silent', () => {
    const { set, at } = setUp();
    set(EVENTFD | TRIGGER, MSIX, 0, 3, [10, -1, 12]);
    set(NONE | TRIGGER, MSIX, 0, 3);
    set(BOOL | TRIGGER, MSIX, 0, 3, [1, 1, 0]);
    expect([at(10).count, at(12).count]).toEqual([2, 1]);
  });

  test('a bad eventfd while enabling leaves nothing enabled', () => {
    const { set, irqs, counters } = setUp();
    expect(() => set(EVENTFD | TRIGGER, MSIX, 0, 2, [10, 99])).toThrow(fails('EBADF'));
    expect(irqs.msix.active).toBe(false);
    expect(counters.every(({ references }) => references === 0)).toBe(true);
    expect(() => set(EVENTFD | TRIGGER, MSIX, 0, 0)).toThrow(fails('ERANGE'));
  });

  test('rewiring that fails leaves the vectors up to the failing one unwired, the rest and the mode stay', () => {
    const { set, irqs, at } = setUp();
    set(EVENTFD | TRIGGER, MSIX, 0, 3, [10, 11, 12]);
    expect(() => set(EVENTFD | TRIGGER, MSIX, 0, 2, [13, 99])).toThrow(fails('EBADF'));
    for (const vector of [0, 1, 2]) irqs.msix.raise(vector);
    expect([10, 11, 12, 13].map((fd) => at(fd).count)).toEqual([0, 0, 1, 0]);
  });

  test('vectors beyond those enabled: EINVAL, or allocated where the index can be resized', () => {
    const fixed = setUp();
    fixed.set(EVENTFD | TRIGGER, MSIX, 0, 1, [10]);
    expect(() => fixed.set(EVENTFD | TRIGGER, MSIX, 3, 1, [11])).toThrow(fails('EINVAL'));
    expect(fixed.irqs.info(MSIX)).toEqual({ flags: 9, count: 8 });
    const dynamic = setUp({ dynamic: true });
    dynamic.set(EVENTFD | TRIGGER, MSIX, 0, 1, [-1]);
    dynamic.set(EVENTFD | TRIGGER, MSIX, 3, 1, [11]);
    dynamic.irqs.msix.raise(3);
    expect(dynamic.at(11).count).toBe(1);
    expect(dynamic.irqs.info(MSIX)).toEqual({ flags: 1, count: 8 });
  });

  test('INTx masks itself; unmasking a line that is still asserted signals again at once', () => {
    const { set, irqs, at } = setUp();
    set(EVENTFD | TRIGGER, INTX, 0, 1, [10]);
    irqs.intx.setLevel(true);
    irqs.intx.setLevel(true);
    expect(at(10).count).toBe(1);
    set(NONE | UNMASK, INTX, 0, 1);
    expect(at(10).count).toBe(2);
    irqs.intx.setLevel(false);
    set(BOOL | UNMASK, INTX, 0, 1, [1]);
    expect(at(10).count).toBe(2);
  });

  test('an eventfd unmasks; a count that is pending acts at once; a second one is EBUSY', () => {
    const { set, irqs, at } = setUp();
    set(EVENTFD | TRIGGER, INTX, 0, 1, [10]);
    irqs.intx.setLevel(true);
    at(11).count = 3;
    set(EVENTFD | UNMASK, INTX, 0, 1, [11]);
    expect([at(10).count, at(11).count]).toEqual([2, 0]);
    expect(() => set(EVENTFD | UNMASK, INTX, 0, 1, [12])).toThrow(fails('EBUSY'));
    set(EVENTFD | UNMASK, INTX, 0, 1, [-1]);
    set(EVENTFD | UNMASK, INTX, 0, 1, [12]);
    expect(() => set(EVENTFD | MASK, INTX, 0, 1, [12])).toThrow(fails('ENOTTY'));
  });

  test('while the virtual INTx-disable bit is set nothing is signalled and UNMASK does nothing', () => {
    const { set, irqs, at } = setUp();
    set(EVENTFD | TRIGGER, INTX, 0, 1, [10]);
    irqs.intx.setDisabled(true);
    irqs.intx.setLevel(true);
    set(NONE | UNMASK, INTX, 0, 1);
    expect(at(10).count).toBe(0);
    irqs.intx.setDisabled(false);
    expect(at(10).count).toBe(1);
  });

  test('ERR and REQ are one eventfd each: set, replaced, signalled by hand, removed', () => {
    const { set, at, irqs } = setUp();
    expect(() => set(NONE | TRIGGER, REQ, 0, 1)).toThrow(fails('EINVAL'));
    set(EVENTFD | TRIGGER, REQ, 0, 1, [10]);
    set(EVENTFD | TRIGGER, REQ, 0, 1, [11]);
    expect(at(10).references).toBe(0);
    set(NONE | TRIGGER, REQ, 0, 1);
    set(BOOL | TRIGGER, REQ, 0, 1, [0]);
    expect(at(11).count).toBe(1);
    expect(() => set(EVENTFD | TRIGGER, REQ, 0, 0)).toThrow(fails('EINVAL'));
    set(NONE | TRIGGER, REQ, 0, 0);
    expect(irqs.request.raise()).toBe(false);
    expect(() => setUp({ express: false }).irqs.info(ERR)).toThrow(fails('EINVAL'));
  });
});
